"""Cloud Run as the conformance suite sees it: an emulated project, and an owner in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blocks.providers.gcp.bench import GcpBench
from blocks.providers.gcp.beside import BesideBench
from blocks.providers.gcp.run.endpoint_levers import EndpointLevers, quick
from blocks.providers.gcp.run.kept import service_id


class _Bench(BesideBench):
    """Levers of Cloud Run over one emulated project."""

    def __init__(self, gcp: Any) -> None:
        levers = EndpointLevers(gcp.levers_account, gcp.emulator, gcp.variant_request)
        told = {"endpoints": quick(gcp.account), "monitor": {"settle": 1}}
        super().__init__("gcp-run", gcp, {"endpoints": levers}, told)

    def running(self) -> Sequence[str]:
        """Return ``run:<service>/<variant>`` of this owner's live instances."""
        mine = service_id(self.account, "")
        return sorted(each["name"] for each in self.emulator.running() if mine in each["name"])


@contextmanager
def CloudRunBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: a project, or, while another world is open, another owner in its project."""
    with GcpBench(folder) as gcp:
        yield _Bench(gcp)
