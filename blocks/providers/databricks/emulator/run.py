"""One run as Databricks tells of it: its states, its times, why it ended."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

INTERRUPTING = "CLOUD_FAILURE"
_TYPES = {"SUCCESS": "SUCCESS", "CLOUD_FAILURE": "CLOUD_FAILURE", "CLUSTER_ERROR": "CLOUD_FAILURE"}
_TYPES |= {"INTERNAL_ERROR": "INTERNAL_ERROR"}


class Over(Exception):
    """A run is over: its result, the code that says why, and why its cluster went."""

    def __init__(self, result: str, code: str, message: str = "", *, cluster: str = "") -> None:
        super().__init__(message)
        self.result, self.code, self.message = result, code, message
        self.cluster = cluster or "JOB_FINISHED"


@dataclass(slots=True, kw_only=True)
class Run:
    """What is known of a run. Guarded by the world's lock; times are milliseconds."""

    id: int
    asked: dict[str, Any]  # the body that it was made with
    creator: str
    created: int
    cluster_id: str  # empty on serverless compute
    job_id: int = 0  # of one that has a name
    parameters: Sequence[dict[str, Any]] = ()  # of the job
    crowded: bool = False  # its job has as many runs as it may have
    from_spot: bool = False  # its machine can be taken back, which its pool or its cluster says
    stop: threading.Event = field(default_factory=threading.Event)
    taken: threading.Event = field(default_factory=threading.Event)
    state: str = "PENDING"
    message: str = "Waiting for cluster"
    over: Over | None = None
    began: int = 0
    ended: int = 0
    logs: list[str] = field(default_factory=list)

    @property
    def task(self) -> dict[str, Any]:
        """The one task of it."""
        found: dict[str, Any] = self.asked["tasks"][0]
        return found

    def arguments(self, program: dict[str, Any]) -> list[str]:
        """Return what the program of the task is given, with the job's parameters in place."""
        told: list[str] = list(program.get("parameters") or ())
        for each in self.parameters:
            reference = f"{{{{job.parameters.{each['name']}}}}}"
            told = [value.replace(reference, each["value"]) for value in told]
        return told

    @property
    def task_id(self) -> int:
        """The id of the run of its task."""
        return self.id + 1

    @property
    def cluster(self) -> dict[str, Any]:
        """What was asked for as a cluster."""
        return self.task.get("new_cluster") or {}

    @property
    def spot(self) -> bool:
        """Whether its machine can be taken back."""
        return self.from_spot or is_spot(self.cluster)

    def told(self, url: str) -> dict[str, Any]:
        """Return what a run is told as."""
        job = self.job_id or self.id + 2  # one that nobody lists
        return {
            **self._common(self.id),
            "job_id": job,
            "number_in_job": self.id,
            "creator_user_name": self.creator,
            "run_name": self.asked.get("run_name", "Untitled"),
            "run_page_url": f"{url}/#job/{job}/run/{self.id}",
            "run_type": "JOB_RUN" if self.job_id else "SUBMIT_RUN",
            **({"job_parameters": [*self.parameters]} if self.parameters else {}),
            "format": "MULTI_TASK",
            "tasks": [self._task()],
        }

    def _task(self) -> dict[str, Any]:
        return {
            **self.task,
            **self._common(self.task_id),
            "attempt_number": 0,
            **({"cluster_instance": {"cluster_id": self.cluster_id}} if self.cluster_id else {}),
        }

    def _common(self, id_: int) -> dict[str, Any]:
        end = self.ended or 0
        return {
            "run_id": id_,
            "start_time": self.created,
            "end_time": end,
            "setup_duration": (self.began or end or self.created) - self.created,
            "execution_duration": max(1, end - self.began) if end and self.began else 0,
            "cleanup_duration": 0,
            "run_duration": end - self.created if end else 0,
            "state": self._old_state(),
            "status": self._status(),
        }

    def _old_state(self) -> dict[str, Any]:
        told: dict[str, Any] = {"life_cycle_state": self.state, "state_message": self.message}
        if self.over is not None:
            told["result_state"] = self.over.result
            if self._type() not in ("SUCCESS", "CLIENT_ERROR"):
                told["life_cycle_state"] = "INTERNAL_ERROR"
        return told | {"user_cancelled_or_timedout": self._was_stopped()}

    def _status(self) -> dict[str, Any]:
        told: dict[str, Any] = {"state": self.state}
        if self.over is not None:
            details = {"code": self.over.code, "type": self._type(), "message": self.over.message}
            told["termination_details"] = details
        return told

    def _type(self) -> str:
        return _TYPES.get(self.over.code, "CLIENT_ERROR") if self.over else ""

    def _was_stopped(self) -> bool:
        return self.over is not None and self.over.result in ("CANCELED", "TIMEDOUT")


def is_spot(asked: dict[str, Any], *, default: str = "ON_DEMAND") -> bool:
    """Whether machines of a cluster, or of a pool, can be taken back."""
    told = [asked.get(f"{cloud}_attributes") or {} for cloud in ("aws", "azure", "gcp")]
    kinds = [each.get("availability") or each.get("gcp_availability") for each in told]
    return any(not str(kind or default).startswith("ON_DEMAND") for kind in kinds)
