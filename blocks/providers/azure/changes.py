"""What became of long-running changes: Azure tells of each under an address of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.data_plane import DataPlane

_ADDRESS = "AzureAsyncOperationUri"  # among the properties of whatever is changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a change failed."""

    code: str
    message: str


class Changes:
    """Asks for the last change of a thing."""

    def __init__(self, account: AzureAccount) -> None:
        self._plane = DataPlane(account)

    def why(self, thing: Any) -> Reason:
        """Return why the last change of an endpoint or a deployment failed, as far as is known."""
        address = str((thing.properties or {}).get(_ADDRESS) or "")
        told = self._plane.find(address) if address else None  # none is known of what is long ago
        error = (told or {}).get("error") or {}
        return Reason(
            code=str(error.get("code") or "FAILED"), message=str(error.get("message") or "")
        )
