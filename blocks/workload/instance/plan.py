"""What a machine is told to do, and what it leaves behind, as files in the job's record in S3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

JOB = "job.json"  # written before the machine is asked for
ORDER = "order.json"  # somebody wants it to end
BEAT = "beat.json"  # the machine's last sign of life
ENDED = "ended.json"  # its last word


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One training job. Places are s3:// URIs, times are seconds."""

    token: str
    region: str
    command: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)  # variable -> name
    source_uri: str
    data_uri: str
    data_is_object: bool = False
    checkpoint_uri: str
    output_uri: str
    max_seconds: float
    log_group: str
    log_stream: str
    kms_key: str = ""
    look_every: float = 5.0  # at the notice; AWS recommends it
    sync_every: float = 15.0  # checkpoints, and signs of life
    grace: float = 60.0  # between SIGTERM and SIGKILL, where no spot notice sets the end

    def to_json(self) -> dict[str, object]:
        """Return it as it lies in S3."""
        return asdict(self)


def plan_of(value: Mapping[str, object]) -> Plan:
    """Return the plan that a job's file holds."""
    return Plan(**{**value, "command": tuple(value["command"])})  # type: ignore[arg-type]


class Reason(StrEnum):
    """Why the command is over."""

    EXITED = "exited"  # by itself
    NOTICE = "notice"  # after the notice that the machine will be taken
    MAX_DURATION = "max_duration"
    STOPPED = "stopped"  # the machine was told to go down
    UNPREPARED = "unprepared"  # it never ran: something it needs was not to be had


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last word of a machine."""

    reason: Reason
    at: float  # seconds since the epoch
    exit_status: int | None = None
    message: str = ""  # the last lines, or what was not to be had
    progress: float | None = None
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as it lies in S3."""
        return asdict(self)


def ended_of(content: bytes) -> Ended:
    """Return the last word that a file holds."""
    value = json.loads(content)
    return Ended(**{**value, "reason": Reason(value["reason"])})
