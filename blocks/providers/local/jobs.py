"""The folder of one job: what is known of it, and the lock that lives as long as it does.

The lock is an ``flock`` whose descriptor is handed from the submitter to the runner and from the
runner to the command. The kernel frees it when the last of them is gone, however they went.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, TypeVar

from blocks.contracts import Frozen, Phase, TrainingRequest, TrainingResult
from blocks.providers.local.market import Market
from blocks.providers.local.processes import Identity
from blocks.workload.durable import write_bytes

R = TypeVar("R", bound=Frozen)

KIND = "training-job"


class StopReason(StrEnum):
    """Why a running job is to end."""

    CANCELLED = "cancelled"
    RECLAIMED = "reclaimed"
    OVERDUE = "overdue"


class Job(Frozen):
    """What was asked, written before anything else."""

    token: str
    request: TrainingRequest
    created: datetime
    owner: str
    market: Market = Market()
    number: int = 0  # of the spot jobs of this workspace, from 0
    grace: float = 10.0  # seconds between SIGTERM and SIGKILL when cancelled or overdue


class Started(Frozen):
    """Written once, by the runner that runs the command: nobody may do it again."""

    runner: Identity
    at: datetime


class Command(Frozen):
    """The process that does the work."""

    process: Identity
    at: datetime


class StopOrder(Frozen):
    """The first of them counts."""

    reason: StopReason
    at: datetime


class Reading(Frozen):
    """What the command and its children have used."""

    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


class Ended(Frozen):
    """How it ended; written last."""

    phase: Phase
    code: str = ""
    message: str = ""
    exit_status: int | None = None
    result: TrainingResult | None = None
    at: datetime


class JobFolder:
    """One job on disk. Every record is written in one step, so readers need no lock."""

    kind: ClassVar[str] = KIND

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log, self.stamps = path / "output.log", path / "output.stamps"
        self.progress, self.runner_log = path / "progress.json", path / "runner.log"
        self.source = path / "source"  # the working copy, while the job lives

    @classmethod
    def create(cls, path: Path, job: Frozen) -> None:
        """Make the folder with the request in it, in one step; an existing one is left alone."""
        draft = path.with_name(f".new-{uuid.uuid4().hex}")
        draft.mkdir(parents=True)
        for name in ("lock", "output.log"):
            (draft / name).touch()
        (draft / "job.json").write_text(job.model_dump_json(indent=1))
        try:
            draft.rename(path)  # fails on a folder with anything in it
        except OSError:
            if not path.exists():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    @classmethod
    def below(cls, jobs: Path) -> list[JobFolder]:
        """Return every job in a folder of jobs; half-made ones are none."""
        return [job for path in sorted(jobs.iterdir()) if (job := cls(path)).exists]

    @property
    def exists(self) -> bool:
        """Whether there is such a job."""
        return not self.path.name.startswith(".") and (self.path / "job.json").exists()

    @property
    def resource(self) -> str:
        """The mark that the job's processes carry."""
        return f"{self.kind}/{self.path.name}"

    def read(self, record: type[R]) -> R | None:
        """Return a record, or None if it was not written yet."""
        try:
            return record.model_validate_json((self.path / _file(record)).read_bytes())
        except FileNotFoundError:
            return None

    def write(self, record: Frozen) -> None:
        """Write a record, replacing the one before."""
        write_bytes(self.path / _file(type(record)), record.model_dump_json(indent=1).encode())

    def order_stop(self, reason: StopReason) -> None:
        """Say that the job is to end, unless that was said already."""
        draft = self.path / f".stop-{uuid.uuid4().hex}"
        draft.write_text(StopOrder(reason=reason, at=datetime.now(UTC)).model_dump_json())
        with contextlib.suppress(FileExistsError):  # the first order counts
            os.link(draft, self.path / _file(StopOrder))
        draft.unlink()

    @contextmanager
    def lock(self) -> Iterator[int | None]:
        """Give the descriptor of the lock, or None while a runner or its command lives."""
        descriptor = os.open(self.path / "lock", os.O_RDWR)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield descriptor
        finally:
            os.close(descriptor)  # who inherited it holds on


def _file(record: type[Frozen]) -> str:
    return f"{record.__name__.lower()}.json"
