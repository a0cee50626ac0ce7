"""One job as Azure Machine Learning tells of it: its states, its times, its error."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

ENDS = frozenset({"Completed", "Failed", "Canceled"})
_OF_STEPS = frozenset({"Queued", "Preparing", "Finalizing"})
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
_UNITS = (86400.0, 3600.0, 60.0, 1.0)


class Over(Exception):
    """A job is over: its last state, and the error that goes with it."""

    def __init__(self, status: str, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True, kw_only=True)
class Job:
    """What is known of a job. Guarded by the world's lock."""

    name: str
    asked: dict[str, Any]  # the body that it was made with
    created: float
    schedule: str = ""  # that began it
    pipeline: dict[str, Any] = field(default_factory=dict)  # what it is told as, if it is one
    step: str = ""  # of a pipeline: the run that does the work
    low_priority: bool = False  # the cluster's machines
    capacity: bool = True
    stop: threading.Event = field(default_factory=threading.Event)
    taken: threading.Event = field(default_factory=threading.Event)
    status: str = "NotStarted"
    code: str = ""
    message: str = ""
    began: float | None = None
    ended: float | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """What was asked of it."""
        found: dict[str, Any] = self.asked["properties"]
        return found

    @property
    def told_status(self) -> str:
        """Its state as Azure tells it: a pipeline runs while its step waits for a machine."""
        return "Running" if self.pipeline and self.status in _OF_STEPS else self.status

    @property
    def spot(self) -> bool:
        """Whether its machines can be taken away."""
        tier = (self.properties.get("queueSettings") or {}).get("jobTier") or ""
        return self.low_priority or str(tier).lower() == "spot"

    @property
    def count(self) -> int:
        """How many machines it runs on."""
        return int((self.properties.get("resources") or {}).get("instanceCount") or 1)

    @property
    def timeout(self) -> float | None:
        """Seconds that it may run."""
        said = (self.properties.get("limits") or {}).get("timeout")
        return None if said is None else seconds(said)

    def move(self, status: str, now: float) -> None:
        """Go on to a state; a job that is over stays over, one that is cancelled goes on so."""
        if self.status in ENDS or (self.status == "CancelRequested" and status not in ENDS):
            return
        self.status = status
        if status == "Running":
            self.began = now
        if status in ENDS:
            self.ended = now


def seconds(duration: str) -> float:
    """Return the seconds of an ISO 8601 duration. Raises ValueError."""
    found = _DURATION.fullmatch(duration)
    if not found:
        raise ValueError(f"{duration!r} is no ISO 8601 duration")
    return sum(float(part or 0) * unit for part, unit in zip(found.groups(), _UNITS, strict=True))
