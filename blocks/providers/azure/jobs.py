"""What all jobs of Azure Machine Learning have in common, whatever they run."""

from __future__ import annotations

from typing import Any

TRAINING, BATCH = "training", "batch"  # what the tag of a job's kind says
ENDS = frozenset({"Completed", "Failed", "Canceled"})
PREPARING = frozenset({"NotStarted", "Queued", "Provisioning", "Preparing", "Starting"})
WAITING = frozenset({"NotStarted", "Queued"})  # nothing of the job can run meanwhile


def is_over(job: Any) -> bool:
    """Whether Azure is done with the job."""
    return job.status in ENDS


def is_waiting(job: Any) -> bool:
    """Whether the job has no machine."""
    return job.status in WAITING


def is_pipeline(job: Any) -> bool:
    """Whether it is one of a batch endpoint: such a job has no tags, and we have no others."""
    return str(job.type) == "pipeline"


def kind_of(job: Any) -> str:
    """Return what kind of work of ours a job does; empty for work of others."""
    if is_pipeline(job):
        return BATCH
    return str((job.tags or {}).get("bluewater-kind", ""))
