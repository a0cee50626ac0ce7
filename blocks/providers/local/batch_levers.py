"""How the conformance suite moves the batch jobs of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from blocks.contracts import BatchRequest, ModelDraft, ModelVersion, OperationRef
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.batch import LocalBatch
from blocks.providers.local.batch_jobs import BatchFolder, Job
from blocks.providers.local.jobs import Started
from blocks.testing.batches import make_rows
from blocks.testing.by_itself import ByItself
from blocks.testing.models import let_go, make_model
from blocks.testing.waiting import until


class BatchLevers(ByItself):
    """The batch part of the bench."""

    def __init__(self, machine: LocalMachine, folder: Path) -> None:
        super().__init__(LocalBatch(machine=machine))
        self._machine, self._folder = machine, folder
        self._models: dict[str, ModelDraft] = {}

    def request(self, rows: int, kind: str) -> BatchRequest:
        """Return a request over a few files; for the same rows and kind the same one."""
        data = self._folder / f"rows-{rows}"
        if not data.exists():
            make_rows(data, rows)
        if kind not in self._models:
            self._models[kind] = make_model(self._model(kind), kind=kind)
        draft = self._models[kind]
        return BatchRequest(
            model=ModelVersion(name=draft.name, version="1", uri=draft.uri, digest=draft.digest),
            data_uri=data.as_uri(),
            output_uri=(self._folder / f"scored-{rows}").as_uri(),
            machine="local.small",
        )

    def let_go(self) -> None:
        """Let the jobs go on that a ``held`` model holds."""
        let_go(self._model("held"))

    def reclaim(self, ref: OperationRef) -> None:
        """Pull the machine's plug."""
        until(lambda: self._job(ref).read(Started) is not None)
        for found in list(processes.owned(self._machine.owner)):
            if found.resource == self._job(ref).resource:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found.identity.pid, signal.SIGKILL)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end, and until its process is gone."""
        until(lambda: self._phase(ref).done and self._is_free(ref))

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the worker reads."""
        job = self._job(ref).read(Job)
        if job is None:
            raise LookupError(f"no batch job {ref.id}")
        return dict(job.request)

    def created(self) -> int:
        """Count the job folders."""
        return len(BatchFolder.below(self._machine.folder("batch")))

    def _model(self, kind: str) -> Path:
        return self._folder / "batch" / kind / "model"

    def _job(self, ref: OperationRef) -> BatchFolder:
        return BatchFolder(self._machine.folder("batch") / ref.id)

    def _is_free(self, ref: OperationRef) -> bool:
        with self._job(ref).lock() as lock:
            return lock is not None
