"""Who gets which share of an endpoint's requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, field_validator

from blocks.contracts.operation import Frozen


class Mirror(Frozen):
    """A copy of a share of the live requests, whose answers nobody sees."""

    variant: str
    percent: int = Field(ge=1, le=100)


class Traffic(Frozen):
    """Who gets which share, and the version of that fact."""

    percent: Mapping[str, int]
    mirror: Mirror | None = None
    etag: str = ""

    @field_validator("percent")
    @classmethod
    def _is_a_whole(cls, percent: Mapping[str, int]) -> Mapping[str, int]:
        if negative := {name: share for name, share in percent.items() if share < 0}:
            raise ValueError(f"traffic cannot be negative: {negative}")
        if percent and sum(percent.values()) != 100:
            raise ValueError(f"traffic adds up to {sum(percent.values())}, not 100")
        return percent

    def share(self, variant: str) -> int:
        """Return the percentage that ``variant`` gets; 0 for one that is not listed."""
        return self.percent.get(variant, 0)


class Serving(Frozen):
    """What an endpoint promises its callers, and what it asks of them."""

    timeout: timedelta = Field(
        default=timedelta(seconds=10), description="Longest time that a caller waits."
    )
    max_payload_bytes: int = Field(default=1 << 20, ge=1, description="Largest request.")
    requests_per_second: float | None = Field(
        default=None, gt=0, description="Limit of each caller; empty for none."
    )
    concurrency: int = Field(
        default=64, ge=1, description="Requests in flight on a copy; more wait in a queue."
    )
    token_secret: str | None = Field(
        default=None,
        description="Name, in the secret store, of the bearer token; empty: open to everybody.",
    )
    user_header: str = Field(
        default="", description="Header that names the user: the same user stays on one version."
    )
    merge: bool = Field(
        default=True, description="Answer requests that wait by one call of the model."
    )


class Capture(Frozen):
    """Which requests and predictions are kept for drift and for shadowing."""

    sample: float = Field(
        default=1.0, ge=0, le=1, description="Share of the requests that is kept."
    )
