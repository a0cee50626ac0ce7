"""One custom job as Vertex AI tells of it: its states, its times, its error."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1.types import CustomJob, JobState, Scheduling
from google.rpc import status_pb2

ENDS = frozenset(
    {JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED}
)
_WEEK = 7 * 24 * 3600.0


class Over(Exception):
    """A job is over: its last state, and the error that goes with it."""

    def __init__(self, state: JobState, error: status_pb2.Status | None = None) -> None:
        super().__init__(state.name)
        self.state, self.error = state, error


class Job:
    """What is known of a job. Guarded by the world's lock."""

    def __init__(self, name: str, asked: CustomJob, now: float, *, capacity: bool) -> None:
        self.name = name
        self.told = CustomJob(asked)
        self.told.name = name
        self.told.create_time = self.told.update_time = at(now)
        self.told.state = JobState(JobState.JOB_STATE_QUEUED)
        self.capacity = capacity
        self.env: Mapping[str, str] = {}  # besides what every job is told
        self.measured: Path | None = None  # where it tells its metric, as a trial of a study
        self.log_labels, self.line_labels = {"job_id": self.id}, dict[str, str]()
        self.stop, self.taken = threading.Event(), threading.Event()

    @property
    def id(self) -> str:
        """The last part of its name, a number."""
        return self.name.rpartition("/")[2]

    @property
    def spot(self) -> bool:
        """Whether it runs on spot machines."""
        return bool(self.told.job_spec.scheduling.strategy == Scheduling.Strategy.SPOT)

    @property
    def restarts(self) -> bool:
        """Whether the whole job starts again when it lost a machine."""
        scheduling = self.told.job_spec.scheduling
        return bool(scheduling.restart_job_on_worker_restart and not scheduling.disable_retries)

    @property
    def timeout(self) -> float:
        """Seconds that it may run."""
        scheduling = self.told.job_spec.scheduling
        given: float = scheduling.timeout.total_seconds() if "timeout" in scheduling else 0.0
        return given or _WEEK


def advance(told: Any, state: JobState, now: float, error: status_pb2.Status | None = None) -> None:
    """Let a job of any kind go on to a state, with its times; one that is over stays over."""
    cancelling = told.state == JobState.JOB_STATE_CANCELLING
    if told.state in ENDS or (cancelling and state not in ENDS):
        return
    told.state = state
    told.update_time = at(now)
    if state == JobState.JOB_STATE_RUNNING and "start_time" not in told:
        told.start_time = at(now)
    if state in ENDS:
        told.end_time = at(now)
    if error is not None:
        told.error = error


def at(seconds: float) -> datetime:
    """Return a moment of the cloud's clock."""
    return datetime.fromtimestamp(seconds, UTC)
