"""Providers beside Vertex AI as the conformance suite sees them: in the project of its bench."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.registry import implementation, provider
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)


class BesideBench(Levers):
    """Levers of a provider over an emulated project; what it has not is that of the project."""

    def __init__(
        self,
        provider: str,
        gcp: Any,
        kinds: Mapping[str, Any],
        configured: Mapping[str, Mapping[str, Any]],
    ) -> None:
        super().__init__(provider, kinds)
        self.account, self.emulator, self.keep_secret = gcp.account, gcp.emulator, gcp.keep_secret
        self.levers_account, self._gcp, self._configured = gcp.levers_account, gcp, configured

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        offered = contract.capability in provider(self.provider).capabilities
        cls: Callable[..., C] = implementation(self.provider if offered else "gcp", contract)
        told = self._configured.get(contract.capability, {})
        return cls(account=self.account.model_copy(), **told)

    def running(self) -> Sequence[str]:
        """Return the names of this owner's live containers."""
        found: Sequence[str] = self._gcp.running()
        return found

    def zone(self) -> str:
        """Return no zone: nothing here takes one."""
        return ""
