"""Training as real processes of this machine that outlive whoever started them."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Denied,
    Idempotency,
    InvalidRequest,
    LogLine,
    NoCapacity,
    NotFound,
    OperationRef,
    OperationStatus,
    ProviderError,
    TrainingFeatures,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
    Unavailable,
)
from blocks.providers.local import joblog, market, orphans, processes, working_copy
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.jobs import (
    Ended,
    Job,
    JobFolder,
    Started,
    StopOrder,
    StopReason,
)
from blocks.providers.local.market import Market
from blocks.providers.local.observe import observe
from blocks.providers.local.paths import path_of
from blocks.providers.local.secret import LocalSecrets
from blocks.providers.local.verdict import judge


class LocalTraining(Block, TrainingJobs):
    """Runs training jobs on this machine, on demand or on a spot market of its own.

    Each works in a copy of its source, which goes when it ends.
    """

    _block_type_name = "Local training"
    _block_type_slug = "local-training"

    provider: ClassVar[str] = "local"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.NAMED,
        spot=True,
        multi_node=False,
        zones=True,
        studies=False,
        max_duration=None,
    )

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where jobs are kept on this machine."
    )
    market: Market = Field(
        default_factory=market.default_market, description="When spot jobs are taken back."
    )
    grace: float = Field(
        default=10.0, ge=0, description="Seconds a cancelled job has to end before it is killed."
    )

    def reclaim(self, ref: OperationRef) -> None:
        """Take a spot job's machine back by hand: notice, grace, gone. Done already is fine."""
        with self._calling("reclaim"):
            folder, job = self._known(ref)
            if not job.request.spot:
                raise InvalidRequest("only spot jobs are taken back; submit it with spot=True")
            self._stop(folder, job, StopReason.RECLAIMED)

    def refs(self) -> Sequence[OperationRef]:
        """Return every job of the workspace, oldest first."""
        with self._calling("refs"):
            found = [folder.read(Job) for folder in JobFolder.below(self.machine.folder("jobs"))]
            known = sorted((job for job in found if job), key=lambda job: job.created)
            return [self._ref(job.token) for job in known]

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, PermissionError):
            return Denied(str(error))
        return Unavailable(str(error)) if isinstance(error, OSError) else None

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        folder = self._folder(token)
        if not folder.exists:
            self.market.within(request.zone)
            _check(request)
            JobFolder.create(folder.path, self._job(request, token))
        job = folder.read(Job)
        if job is not None and folder.read(Ended) is None:
            self._ensure(folder, job)
        return self._ref(token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        folder, job = self._known(ref)
        if folder.read(Ended) is None:
            with contextlib.suppress(NotFound):  # only who has its secrets can start it
                self._ensure(folder, job)
        return observe(folder, job)

    def _cancel(self, ref: OperationRef) -> None:
        folder = self._folder(ref.id)
        job = folder.read(Job)
        if job is not None:
            self._stop(folder, job, StopReason.CANCELLED)

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        folder, _ = self._known(ref)
        started = folder.read(Started)
        watched = started is not None and processes.alive(started.runner)
        yield from joblog.lines(folder, since, growing=watched and folder.read(Ended) is None)

    def _folder(self, id_: str) -> JobFolder:
        if not id_.isalnum():
            raise NotFound(f"{id_!r} is no job of this machine")
        return JobFolder(self.machine.folder("jobs") / id_)

    def _ref(self, token: str) -> OperationRef:
        return self._reference(token, token)

    def _known(self, ref: OperationRef) -> tuple[JobFolder, Job]:
        folder = self._folder(ref.id)
        job = folder.read(Job)
        if job is None:
            raise NotFound(f"no job {ref.id} in {folder.path.parent}")
        return folder, job

    def _ensure(self, folder: JobFolder, job: Job) -> None:
        """Start what was asked and never started; settle what is gone and left no word."""
        with folder.lock() as lock:
            if lock is None:
                orphans.tend(job, folder)
            elif folder.read(Started) is None:
                self._spawn(folder, job, lock)
            elif folder.read(Ended) is None:
                last = joblog.last_lines(folder)
                order = folder.read(StopOrder)
                working_copy.drop(folder.source)
                folder.write(judge(job, exit_status=None, order=order, last_lines=last))

    def _spawn(self, folder: JobFolder, job: Job, lock: int) -> None:
        """Hand the lock to a runner; it is held from here until the last process is gone."""
        stopped = folder.read(StopOrder) is not None
        processes.spawn(
            [sys.executable, "-m", f"{__package__}.runner", str(folder.path), str(lock)],
            owner=job.owner,
            resource=folder.resource,
            log=folder.runner_log,
            cwd=Path(__file__).resolve().parents[3],
            env={} if stopped else _secret_values(job.request),
            pass_fds=(lock,),
        )

    def _stop(self, folder: JobFolder, job: Job, reason: StopReason) -> None:
        if folder.read(Ended) is None:
            folder.order_stop(reason)
            self._ensure(folder, job)

    def _job(self, request: TrainingRequest, token: str) -> Job:
        now = datetime.now(UTC)
        settings, number = self.market, 0
        if request.spot:
            settings = self._with_capacity(request.zone, now)
            number = _numbered(self._counting(request.zone), token)
        return Job(
            token=token,
            request=request,
            created=now,
            owner=self.machine.owner,
            market=settings,
            number=number,
            grace=self.grace,
        )

    def _with_capacity(self, zone: str, now: datetime) -> Market:
        """Return the market of a zone that has spot now. Raises NoCapacity."""
        for settings in map(self._opened, self.market.within(zone), repeat(now)):
            if market.has_capacity(settings, now):
                return settings
        where = f"zone {zone}" if zone else "this machine"
        raise NoCapacity(f"the spot market of {where} has nothing now", code="SPOT")

    def _counting(self, zone: str) -> Path:
        """Return where the spot jobs of a zone are counted."""
        folder = self.machine.folder("market")
        return folder / f"zone-{zone}" if zone in self.market.zones else folder

    def _opened(self, settings: Market, now: datetime) -> Market:
        """Return the market; the ticks of all traces count from the first use in the workspace."""
        if settings.trace is None or settings.start is not None:
            return settings
        first = _written_once(self.machine.folder("market") / "start", now.isoformat())
        return settings.model_copy(update={"start": datetime.fromisoformat(first)})


def _check(request: TrainingRequest) -> None:
    """Raise InvalidRequest, with the remedy, for what could never run; NotFound for a secret."""
    source, data = path_of(request.source_uri), path_of(request.data_uri)
    if not source.is_dir():
        raise InvalidRequest(f"source_uri: {source} is not a folder", code="SOURCE")
    if not data.exists():
        raise InvalidRequest(f"data_uri: there is nothing at {data}", code="DATA")
    path_of(request.checkpoint_uri), path_of(request.output_uri)
    _secret_values(request)


def _secret_values(request: TrainingRequest) -> dict[str, str]:
    store = LocalSecrets()
    return {name: store.get(at).get_secret_value() for name, at in request.secrets.items()}


def _numbered(folder: Path, token: str) -> int:
    """Return the number of a spot job in the workspace: the first that is free or its own."""
    folder.mkdir(exist_ok=True)
    number = 0
    while _written_once(folder / f"job-{number}", token) != token:
        number += 1
    return number


def _written_once(file: Path, text: str) -> str:
    """Write ``text`` if the file is not there; return what is there."""
    draft = file.with_name(f".{uuid.uuid4().hex}")
    draft.write_text(text)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass  # somebody was first; what they wrote counts
    finally:
        draft.unlink()
    return file.read_text()
