"""Worlds of what stands beside a workspace's own blocks; the rest is the subscription's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.registry import implementation, provider
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)


class BesideBench(Levers):
    """Levers of one owner of the subscription ``azure``; ``configured`` are fields of blocks."""

    def __init__(self, azure: Any, name: str, kinds: Mapping[str, Any], **configured: Any) -> None:
        super().__init__(name, kinds)
        self.azure, self._configured = azure, configured
        self.account, self.levers_account = azure.account, azure.levers_account
        self.emulator, self.running = azure.emulator, azure.running
        self.keep_secret = azure.keep_secret

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner."""
        if contract.capability not in provider(self.provider).capabilities:
            found: C = self.azure.connect(contract)
            return found
        cls: Callable[..., C] = implementation(self.provider, contract)
        return cls(account=self.account.model_copy(), **self._configured)

    def zone(self) -> str:
        """Return no zone: nothing here takes one."""
        return ""
