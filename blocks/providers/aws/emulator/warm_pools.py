"""Managed warm pools: the machines of a job that is over are kept for the next one like it.

https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from blocks.providers.aws.emulator.training_job import Job

_SAME = ("RoleArn", "VpcConfig", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")
_SAME_MACHINES = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


def taken(jobs: Iterable[Job], new: Job, now: float) -> bool:
    """Give a new job the machines that an earlier one like it left behind; whether there are."""
    for job in jobs:
        if _state(job, now) == "Available" and _likeness(job) == _likeness(new):
            job.reused_by, job.kept_until = new.name, now
            return True
    return False


def told_of_pool(job: Job, now: float) -> dict[str, Any] | None:
    """Return what a description says of the machines of a job; None where none were to be kept."""
    state = _state(job, now)
    if state is None:
        return None
    if job.ended is None or job.status != "Completed":
        return {"Status": state}
    kept = min(now, _until(job)) - job.ended
    reused = {"ReusedByJob": job.reused_by} if job.reused_by else {}
    return {"Status": state, "ResourceRetainedBillableTimeInSeconds": int(kept), **reused}


def _state(job: Job, now: float) -> str | None:
    if not _period(job):
        return None
    if job.ended is None:
        return "InUse"
    if job.reused_by:
        return "Reused"
    return "Available" if job.status == "Completed" and now < _until(job) else "Terminated"


def _period(job: Job) -> float:
    return float(job.asked["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0))


def _until(job: Job) -> float:
    """Return when its machines go, or went on to another job."""
    return job.kept_until if job.kept_until is not None else (job.ended or 0.0) + _period(job)


def _likeness(job: Job) -> list[Any]:
    machines = job.asked["ResourceConfig"]
    return [
        *(job.asked.get(name) or None for name in _SAME),
        *(machines.get(name) for name in _SAME_MACHINES),
    ]
