"""What a workspace must be like before anything is done in it: its network, and whose keys it has.

These are settings of the workspace, made by whoever made it. Here they are looked at, and what we
make in the workspace is made to fit.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field

from blocks.contracts import Frozen, InvalidRequest

Isolation = Literal["", "AllowInternetOutbound", "AllowOnlyApprovedOutbound"]
_STRICTNESS = ("Disabled", "AllowInternetOutbound", "AllowOnlyApprovedOutbound")
ANY_KEY = "any"


class Demands(Frozen):
    """What is demanded; by default nothing."""

    private: bool = Field(
        default_factory=lambda: os.environ.get("BLUEWATER_AZURE_PRIVATE", "") in ("yes", "true"),
        description="Reached from inside the network alone: the workspace has to be so, endpoints "
        "are made so, and machines of clusters get no public address.",
    )
    isolation: Isolation = Field(
        default_factory=lambda: os.environ.get("BLUEWATER_AZURE_ISOLATION", ""),
        validate_default=True,
        description="The least isolation of the workspace's managed network: what may leave it.",
    )
    customer_key: str = Field(
        default_factory=lambda: os.environ.get("BLUEWATER_AZURE_CUSTOMER_KEY", ""),
        description=f"URI of the key that the workspace is encrypted with; {ANY_KEY!r} for any key "
        "of yours.",
    )

    @property
    def any(self) -> bool:
        """Whether a workspace has to be looked at."""
        return bool(self.private or self.isolation or self.customer_key)

    def require(self, workspace: Any) -> None:
        """Raise InvalidRequest for a workspace that is not as demanded."""
        name = workspace.name
        if self.private and _public(workspace):
            raise InvalidRequest(
                f"workspace {name} is reached from outside; disable its public network access, or "
                "set private=False",
                code="PUBLIC_WORKSPACE",
            )
        network = _isolation(workspace)
        if self.private and network == _STRICTNESS[0]:
            raise InvalidRequest(
                f"workspace {name} has no managed network, and machines without a public address "
                "need one; give it one, or set private=False",
                code="NO_NETWORK",
            )
        if self.isolation and _STRICTNESS.index(network) < _STRICTNESS.index(self.isolation):
            raise InvalidRequest(
                f"the managed network of workspace {name} is {network}, not {self.isolation}",
                code="ISOLATION",
            )
        self._require_key(name, workspace.customer_managed_key)

    def _require_key(self, name: str, key: Any) -> None:
        if not self.customer_key:
            return
        uri = str(key.key_uri) if key is not None else ""
        if not uri:
            raise InvalidRequest(
                f"workspace {name} is encrypted with Azure's own key; make one with a key of "
                "yours: it cannot be changed later",
                code="CUSTOMER_KEY",
            )
        if self.customer_key not in (ANY_KEY, uri):
            raise InvalidRequest(
                f"workspace {name} is encrypted with {uri}, not {self.customer_key}",
                code="CUSTOMER_KEY",
            )


def _public(workspace: Any) -> bool:
    return _text(workspace.public_network_access or "Enabled").lower() != "disabled"


def _isolation(workspace: Any) -> str:
    """Return the isolation of the managed network; one of a kind unknown here counts as none."""
    network = workspace.managed_network
    told = _text(network.isolation_mode or "") if network is not None else ""
    known = {each.lower(): each for each in _STRICTNESS}
    return known.get(told.replace("_", "").lower(), _STRICTNESS[0])


def _text(value: Any) -> str:
    """Return what the SDK tells as a text, or as one of an enumeration."""
    return str(getattr(value, "value", value))
