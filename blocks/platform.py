"""Which provider does what."""

from __future__ import annotations

from typing import TypeVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Contract, InvalidRequest
from blocks.registry import connect

C = TypeVar("C", bound=Contract)


class Platform(Block):
    """Names a provider for each capability, so that one flow runs anywhere.

    A reference is a provider and what it does, e.g. ``aws-training``; with the name of a saved
    Prefect block behind it, that configuration is used: ``aws-training/prod``.
    """

    _block_type_name = "Platform"
    _block_type_slug = "bluewater-platform"

    # A block without a required field makes Prefect refuse references to it as a flow parameter.
    name: str = Field(description="What people call this platform, e.g. prod.")
    training: str = Field(default="local-training", description="Where models are trained.")
    models: str = Field(default="local-models", description="Where models are registered.")
    endpoints: str = Field(default="local-endpoints", description="Where models are served.")
    store: str = Field(default="local-store", description="Where objects are kept.")
    monitor: str = Field(default="local-monitor", description="Where live traffic is observed.")
    batch: str = Field(default="local-batch", description="Where data sets are scored.")
    processing: str | None = Field(
        default=None, description="Where commands run near the data, if anywhere."
    )
    secrets: str = Field(default="local-secrets", description="Where secrets are looked up.")
    prices: str = Field(default="local-prices", description="Where machines are priced.")
    inventory: str = Field(default="local-inventory", description="Where owned things are listed.")
    watching: str | None = Field(
        default=None, description="Whose own model monitor looks at endpoints, if any does."
    )

    def connect(self, contract: type[C]) -> C:
        """Return the provider that keeps ``contract`` on this platform.

        Raises InvalidRequest where the platform names nobody for it.
        """
        capability = contract.capability
        ref: str | None = getattr(self, capability)
        if ref is None:
            raise InvalidRequest(
                f"platform {self.name!r} names nobody for {capability}; `bluewater providers` "
                f"tells who keeps it, e.g. `{capability}: aws-{capability}`"
            )
        return connect(ref, contract)
