"""What a job's record and its machine say, in the words of the contract. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.contracts import Failure, OperationStatus, Phase, TrainingResult, Usage
from blocks.providers.aws.ec2.launch import Launched
from blocks.workload import Outcome
from blocks.workload.exits import read_exit
from blocks.workload.instance.plan import Ended, Reason

POLL_AFTER = timedelta(seconds=10)
CANCELLED, MAX_DURATION = "CANCELLED", "MAX_DURATION"  # why a job was ordered to end

_MINIMUM = 60.0  # seconds that EC2 bills at least
_FREE = 3600.0  # seconds of a spot machine that cost nothing, if EC2 takes it back within them
_BY_USER, _BY_ITSELF = "Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown"
_TAKEN = "Server.SpotInstanceTermination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that can be seen of a job at one moment."""

    job: Mapping[str, Any]
    launched: Launched | None
    instance: Mapping[str, Any] | None  # as EC2 describes it; None if it does not (any more)
    order: str = ""
    ended: Ended | None = None
    outcome: Outcome | None = None
    beat: Mapping[str, Any] = field(default_factory=dict)
    console: str = ""

    @property
    def state(self) -> str:
        """State of the machine; "unseen" right after its launch, "gone" once EC2 forgot it."""
        if self.instance is not None:
            return str(self.instance["State"]["Name"])
        fresh = self.launched is None or datetime.now(UTC) - self.launched.at < _VISIBLE
        return "unseen" if fresh else "gone"


_VISIBLE = timedelta(minutes=5)  # until a new instance is seen by everybody


def to_status(seen: Seen) -> OperationStatus[TrainingResult]:
    """Return the status."""
    phase, failure = _verdict(seen)
    result = None
    if phase is Phase.SUCCEEDED and seen.outcome is not None:
        told = seen.outcome
        result = TrainingResult(model_uri=told.model_uri, digest=told.digest, metrics=told.metrics)
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=int(phase is Phase.INTERRUPTED),
        usage=_usage(seen, phase),
        progress=seen.ended.progress if seen.ended else seen.beat.get("progress"),
        poll_after=None if phase.done else POLL_AFTER,
    )


def _verdict(seen: Seen) -> tuple[Phase, Failure | None]:
    alive = seen.state in ("unseen", "pending", "running")
    if seen.order and (seen.ended or not alive or seen.launched is None):
        return _ordered(seen)
    if seen.outcome is not None and seen.outcome.ok:
        return Phase.SUCCEEDED, None
    if seen.ended is None and (alive or seen.state == "shutting-down"):
        waiting = seen.state in ("unseen", "pending")
        return (Phase.QUEUED if waiting else Phase.RUNNING), None
    if seen.outcome is not None:
        failure = Failure(code=seen.outcome.code, message=seen.outcome.message)
        return Phase.FAILED, failure
    return _said(seen.ended, seen) if seen.ended else _silent(seen)


def _ordered(seen: Seen) -> tuple[Phase, Failure]:
    if seen.order == MAX_DURATION:
        return Phase.FAILED, _too_long(seen)
    return Phase.CANCELLED, Failure(code=CANCELLED, message="cancelled by request")


def _said(ended: Ended, seen: Seen) -> tuple[Phase, Failure]:
    """Judge by the machine's last word."""
    if ended.reason is Reason.MAX_DURATION:
        return Phase.FAILED, _too_long(seen)
    if ended.reason is Reason.NOTICE:
        return Phase.INTERRUPTED, Failure(code="NOTICE", message="stopped after a spot notice")
    if ended.reason is Reason.STOPPED:
        return _silent(seen)
    if ended.reason is Reason.UNPREPARED or ended.exit_status is None:
        return Phase.FAILED, Failure(code="UNPREPARED", message=ended.message)
    found = read_exit(ended.exit_status, ended.message)
    phase = Phase.INTERRUPTED if found.interrupted else Phase.FAILED
    return phase, Failure(code=found.code, message=found.message)


def _silent(seen: Seen) -> tuple[Phase, Failure]:
    """Judge by who ended the machine, where it could not say a word, or no more than "stopped"."""
    reason = (seen.instance or {}).get("StateReason", {})
    code, message = str(reason.get("Code", "")), str(reason.get("Message", ""))
    if code == _BY_USER:
        return Phase.CANCELLED, Failure(code=code, message="its machine was ended by hand")
    if code == _BY_ITSELF and seen.ended is None:
        message = f"the machine ended itself before the job began; its console:\n{seen.console}"
        return Phase.FAILED, Failure(code="NOT_STARTED", message=message.strip())
    if code.startswith("Client.") and code != _BY_ITSELF:
        return Phase.FAILED, Failure(code=code, message=message)
    message = message or "the machine is gone and left no word"
    return Phase.INTERRUPTED, Failure(code=code or "MACHINE_GONE", message=message)


def _too_long(seen: Seen) -> Failure:
    limit = timedelta(seconds=seen.job["plan"]["max_seconds"])
    message = f"still running after {limit}; ask for a longer max_duration or speed it up"
    return Failure(code=MAX_DURATION, message=message)


def _usage(seen: Seen, phase: Phase) -> Usage | None:
    """Return the time of the machine; of one that was lost, until its last sign of life."""
    if seen.launched is None:
        return None
    end = seen.ended.at if seen.ended else seen.beat.get("at")
    if not phase.done:
        end = datetime.now(UTC).timestamp()
    if end is None:
        return None
    seconds, spot = max(0.0, end - seen.launched.at.timestamp()), bool(seen.job["spot"])
    return Usage(
        machine=seen.launched.machine,
        zone=seen.launched.zone,
        seconds=seconds,
        billed_seconds=_billed(seen, phase, seconds),
        spot=spot,
        cpu_seconds=seen.ended.cpu_seconds if seen.ended else None,
        peak_memory_bytes=seen.ended.peak_memory_bytes if seen.ended else None,
    )


def _billed(seen: Seen, phase: Phase, seconds: float) -> float:
    """Return what Amazon's Linux machines are billed for.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-for-interrupted-spot-instances.html
    """
    noticed = seen.ended is not None and seen.ended.reason is Reason.NOTICE
    taken = noticed or (seen.instance or {}).get("StateReason", {}).get("Code") == _TAKEN
    if phase is Phase.INTERRUPTED and taken and seconds < _FREE:
        return 0.0
    return max(_MINIMUM, seconds)
