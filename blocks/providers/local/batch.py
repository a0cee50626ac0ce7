"""Batch inference as processes of this machine that outlive whoever started them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    BatchFeatures,
    BatchInference,
    BatchRequest,
    BatchResult,
    Denied,
    Failure,
    Idempotency,
    InvalidRequest,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    ProviderError,
    Unavailable,
    Usage,
)
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.batch_jobs import (
    BatchFolder,
    Ended,
    Job,
    Progress,
    Spawned,
    ended,
    gone,
)
from blocks.providers.local.jobs import Started, StopOrder, StopReason
from blocks.providers.local.paths import path_of
from blocks.serving.data_files import NO_ROWS, inputs_of

_GRACE = timedelta(seconds=10)  # for a worker in the middle of a long call to hear a signal

_SENT = 3  # workers that may end before they began
_WORDS = 600  # characters of the last one's log that are worth showing


class LocalBatch(Block, BatchInference):
    """Scores data sets on this machine, in as much memory as a part of a file takes."""

    _block_type_name = "Local batch"
    _block_type_slug = "local-batch"

    provider: ClassVar[str] = "local"
    features: ClassVar[BatchFeatures] = BatchFeatures(idempotency=Idempotency.NAMED, spot=False)

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where batch jobs are kept on this machine."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, PermissionError):
            return Denied(str(error))
        return Unavailable(str(error)) if isinstance(error, OSError) else None

    def _submit(self, request: BatchRequest, token: str) -> OperationRef:
        folder = self._folder(token)
        if not folder.exists:
            _check(request)
            job = Job(
                token=token,
                request=request,
                created=datetime.now(UTC),
                owner=self.machine.owner,
            )
            BatchFolder.create(folder.path, job)
        self._ensure(folder)
        return self._reference(token, token)

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        folder = self._folder(ref.id)
        job = folder.read(Job)
        if job is None:
            raise NotFound(f"no batch job {ref.id} in {folder.path.parent}")
        self._ensure(folder)
        return _observe(folder, job)

    def _cancel(self, ref: OperationRef) -> None:
        folder = self._folder(ref.id)
        if folder.exists and folder.read(Ended) is None:
            folder.order_stop(StopReason.CANCELLED)
            self._ensure(folder)

    def _folder(self, id_: str) -> BatchFolder:
        if not id_.isalnum():
            raise NotFound(f"{id_!r} is no batch job of this machine")
        return BatchFolder(self.machine.folder("batch") / id_)

    def _ensure(self, folder: BatchFolder) -> None:
        """Start what was asked and never started; settle what is gone; end what has to end."""
        if folder.read(Ended) is not None:
            return
        with folder.lock() as lock:
            if lock is None:
                _hurry(folder)
            elif folder.read(Ended) is not None:
                return
            elif folder.read(Started) is not None or folder.read(StopOrder) is not None:
                folder.write(gone(folder.read(StopOrder)))
            else:
                self._spawn(folder, lock)

    def _spawn(self, folder: BatchFolder, lock: int) -> None:
        sent = folder.read(Spawned) or Spawned(times=0)
        if sent.times >= _SENT:
            words = folder.runner_log.read_text(errors="replace")[-_WORDS:].strip()
            folder.write(ended(Phase.FAILED, "WORKER", f"no worker could begin: {words}"))
            return
        folder.write(Spawned(times=sent.times + 1))
        processes.spawn(
            [sys.executable, "-m", f"{__package__}.batch_worker", str(folder.path)],
            owner=self.machine.owner,
            resource=folder.resource,
            log=folder.runner_log,
            cwd=Path(__file__).resolve().parents[3],
            pass_fds=(lock,),
        )


def _hurry(folder: BatchFolder) -> None:
    """Signal a live worker that has to end: by order, or because it is deaf to its own clock."""
    job, started, order = folder.read(Job), folder.read(Started), folder.read(StopOrder)
    if job is None or started is None or not processes.alive(started.runner):
        return
    now = datetime.now(UTC)
    overdue = now > started.at + job.request.max_duration + _GRACE
    late = order is not None and now > order.at + _GRACE
    number = signal.SIGKILL if overdue or late else signal.SIGTERM
    if order is not None or overdue:
        with contextlib.suppress(ProcessLookupError):
            os.kill(started.runner.pid, number)


def _check(request: BatchRequest) -> None:
    """Raise InvalidRequest, with the remedy, for what could never run."""
    data, model = path_of(request.data_uri), path_of(request.model.uri)
    output = path_of(request.output_uri)
    if not data.exists():
        raise InvalidRequest(f"data_uri: there is nothing at {data}", code="DATA")
    if not inputs_of(data):
        raise InvalidRequest(f"data_uri: {NO_ROWS.format(data)}", code="DATA")
    if not model.is_dir():
        raise InvalidRequest(f"model: {model} is not a folder", code="MODEL")
    if output.resolve() == data.resolve() or data.resolve() in output.resolve().parents:
        raise InvalidRequest(
            f"output_uri: {output} is inside the data; it would be read as data the next time",
            code="OUTPUT",
        )


def _observe(folder: BatchFolder, job: Job) -> OperationStatus[BatchResult]:
    end, progress = folder.read(Ended), folder.read(Progress)
    usage = share = None
    if progress is not None:
        share = progress.rows / progress.of if progress.of else 1.0
        usage = Usage(
            machine=job.request.machine,
            seconds=progress.seconds,
            billed_seconds=progress.seconds,
            cpu_seconds=progress.cpu_seconds,
            peak_memory_bytes=progress.peak_memory_bytes,
        )
    if end is None:
        started = folder.read(Started) is not None
        phase = Phase.RUNNING if started else Phase.QUEUED
        pause = timedelta(seconds=0.5)  # looking at a folder is cheap
        return OperationStatus(phase=phase, usage=usage, progress=share, poll_after=pause)
    failed = end.phase is not Phase.SUCCEEDED
    return OperationStatus(
        phase=end.phase,
        result=end.result,
        failure=Failure(code=end.code, message=end.message) if failed else None,
        interruptions=int(end.phase is Phase.INTERRUPTED),
        usage=usage,
        progress=share,
    )
