"""Cloud Run as the conformance suite sees it: an emulated project, and an owner in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.providers.gcp.bench import GcpBench
from blocks.providers.gcp.run.endpoint_levers import EndpointLevers, quick
from blocks.providers.gcp.run.kept import service_id
from blocks.registry import implementation, provider
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)


class _Bench(Levers):
    """Levers of Cloud Run over one emulated project."""

    def __init__(self, gcp: Any) -> None:
        self.account, self.emulator, self.keep_secret = gcp.account, gcp.emulator, gcp.keep_secret
        self.levers_account = gcp.levers_account
        levers = EndpointLevers(gcp.levers_account, gcp.emulator, gcp.variant_request)
        super().__init__("gcp-run", {"endpoints": levers})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it.

        What Cloud Run has not, such as a store, is that of the project around it.
        """
        offered = provider("gcp-run").capabilities
        name = "gcp-run" if contract.capability in offered else "gcp"
        cls: Callable[..., C] = implementation(name, contract)
        told = {"endpoints": quick(self.account), "monitor": {"settle": 1}}
        return cls(account=self.account.model_copy(), **told.get(contract.capability, {}))

    def running(self) -> Sequence[str]:
        """Return ``run:<service>/<variant>`` of this owner's live instances."""
        mine = service_id(self.account, "")
        return sorted(each["name"] for each in self.emulator.running() if mine in each["name"])

    def zone(self) -> str:
        """Return no zone: nothing here takes one."""
        return ""


@contextmanager
def CloudRunBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: a project, or, while another world is open, another owner in its project."""
    with GcpBench(folder) as gcp:
        yield _Bench(gcp)
