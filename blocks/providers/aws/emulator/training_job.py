"""One training job as SageMaker tells of it: its states, its times, its metrics."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass, field
from typing import Any

ENDS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
}
_SPOT_PRICE = 0.35  # of the price on demand, as the shipped price book assumes
_REASON = 1024  # letters of a failure reason


class Over(Exception):
    """A job is over: its last state, and the message that goes with it."""

    def __init__(self, secondary: str, message: str) -> None:
        super().__init__(message)
        self.secondary, self.message = secondary, message


@dataclass(slots=True, kw_only=True)
class Job:
    """What is known of a job. Guarded by the world's lock."""

    name: str
    arn: str
    asked: dict[str, Any]
    created: float
    capacity: bool = True
    stop: threading.Event = field(default_factory=threading.Event)
    taken: threading.Event = field(default_factory=threading.Event)
    status: str = "InProgress"
    secondary: str = "Starting"
    reason: str | None = None
    moves: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    trained: float = 0.0  # seconds on machines that are gone
    began: float | None = None  # when the first machine was there
    since: float | None = None  # when the machine of now was there
    ended: float | None = None
    changed: float = 0.0
    reused_by: str = ""  # the job that went on with its machines
    kept_until: float | None = None  # when that was

    @property
    def spot(self) -> bool:
        """Whether it runs on spot machines."""
        return bool(self.asked.get("EnableManagedSpotTraining"))

    @property
    def count(self) -> int:
        """How many machines it runs on."""
        return int(self.asked["ResourceConfig"]["InstanceCount"])

    @property
    def max_runtime(self) -> float:
        """Seconds that it may train."""
        return float(self.asked["StoppingCondition"].get("MaxRuntimeInSeconds", 86400))

    @property
    def gives_up(self) -> float:
        """The moment at which waiting for spot machines is over."""
        wait = self.asked["StoppingCondition"].get("MaxWaitTimeInSeconds")
        return math.inf if wait is None else self.created + float(wait)

    def move(self, secondary: str, message: str, now: float) -> None:
        """Go on to a state; a job that is over stays over, one that stops goes on stopping."""
        if self.status in ENDS.values():
            return
        if self.moves:
            self.moves[-1]["EndTime"] = now
        self.moves.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
        self.secondary, self.changed = secondary, now
        stopping = self.status == "Stopping" or secondary == "Stopping"
        self.status = ENDS.get(secondary, "Stopping" if stopping else "InProgress")
        if secondary in ENDS:
            self.moves[-1]["EndTime"] = self.ended = now
            self.reason = message[:_REASON] if secondary == "Failed" else None

    def machine(self, now: float, *, there: bool) -> None:
        """Note that the machine came or went."""
        if there:
            self.since = now
            self.began = self.began or now
        elif self.since is not None:
            self.trained += now - self.since
            self.since = None

    def hear(self, line: str, now: float) -> None:
        """Read metrics from a line of the log."""
        for each in self.asked["AlgorithmSpecification"].get("MetricDefinitions", []):
            value = _number(re.search(each["Regex"], line))
            if value is not None:
                told = {"MetricName": each["Name"], "Value": value, "Timestamp": now}
                self.metrics[each["Name"]] = told

    def told(self) -> dict[str, Any]:
        """Return what a description adds to the request."""
        output = self.asked["OutputDataConfig"]
        bare = output.get("CompressionType") == "NONE"
        artifacts = f"{output['S3OutputPath'].rstrip('/')}/{self.name}/output/model"
        return {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "ModelArtifacts": {"S3ModelArtifacts": artifacts + ("/" if bare else ".tar.gz")},
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary,
            "SecondaryStatusTransitions": [dict(each) for each in self.moves],
            "FailureReason": self.reason,
            "CreationTime": self.created,
            "LastModifiedTime": self.changed or self.created,
            "TrainingStartTime": self.began,
            "TrainingEndTime": self.ended if self.began else None,
            "FinalMetricDataList": list(self.metrics.values()) or None,
            **self._times(),
        }

    def _times(self) -> dict[str, int]:
        if self.ended is None or self.began is None:
            return {}
        seconds = max(1, math.ceil(self.trained))
        billed = max(1, math.ceil(seconds * (_SPOT_PRICE if self.spot else 1.0)))
        return {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": billed}


def _number(found: re.Match[str] | None) -> float | None:
    try:
        return float(found[1]) if found else None
    except (TypeError, ValueError):  # something else than a number was told there
        return None
