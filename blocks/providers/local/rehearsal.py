"""A workspace of its own on this machine, for rehearsals that leave no trace."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from blocks.contracts import Phase, Unsupported
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.market import SPOT_TRACE
from blocks.providers.local.secret import variable_of
from blocks.providers.local.training import LocalTraining
from blocks.rehearsal import Calls
from blocks.workspace import HOME

log = logging.getLogger(__name__)

RECLAIM = "spot-reclaim"
MIDDLE = 0.4  # share of the work after which the machine is taken


class Reclaim:
    """Takes the machine of the next spot job away in the middle of its training."""

    def __init__(self, jobs: LocalTraining, *, tell: Callable[[str], None] = log.info) -> None:
        self._jobs, self._tell = jobs, tell
        self._known = {ref.id for ref in jobs.refs()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.taken: str = ""  # the job whose machine was taken

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self.taken and not self._stop.wait(0.2):
            for ref in self._jobs.refs():
                status = self._jobs.status(ref) if ref.id not in self._known else None
                if status is None or status.phase is not Phase.RUNNING:
                    continue
                if status.usage and status.usage.spot and (status.progress or 0) >= MIDDLE:
                    self._tell(f"the market takes the machine of {ref.id} back")
                    self._jobs.reclaim(ref)
                    self.taken = ref.id
                    return


class LocalRehearsal:
    """This machine, played by itself in a workspace that is thrown away."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of the first spot job is taken away in the middle of its training",
    }

    def __init__(
        self,
        folder: Path,
        *,
        faults: Sequence[str] = (),
        spot_trace: Path | None = None,
        permissions: Path | None = None,
    ) -> None:
        if permissions is not None:
            raise Unsupported(
                "this machine knows no policies; leave permissions out", code="POLICY"
            )
        self._machine = LocalMachine(workspace=folder / "workspace")
        self._wanted, self._trace = tuple(faults), spot_trace
        self._secrets: dict[str, str] = {}
        self._stack = ExitStack()
        self._reclaim: Reclaim | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        for name in self._secrets:
            os.environ.pop(name, None)
        for found in processes.owned(self._machine.owner):
            processes.stop(found.identity, grace=2)

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which local blocks find this workspace."""
        trace = {SPOT_TRACE: str(self._trace.absolute())} if self._trace else {}
        return {HOME: str(self._machine.workspace), **trace}

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into the environment, until the end."""
        variable = variable_of(name)
        if variable not in os.environ:
            os.environ[variable] = self._secrets[variable] = value

    def strike(self) -> None:
        """Let the faults that were asked for happen from now on."""
        if RECLAIM in self._wanted:
            jobs = LocalTraining(machine=self._machine)
            self._reclaim = self._stack.enter_context(Reclaim(jobs))

    def calls(self) -> Sequence[Calls]:
        """Return nothing: there is no wire between this machine and itself."""
        return ()

    def met(self) -> Mapping[str, int]:
        """Return how often each fault has happened."""
        taken = self._reclaim is not None and bool(self._reclaim.taken)
        return {name: int(taken) for name in self._wanted}

    def left(self) -> Sequence[str]:
        """Return ``kind/id`` of every live process of the workspace, each once."""
        return sorted({found.resource for found in processes.owned(self._machine.owner)})
