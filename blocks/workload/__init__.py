"""What training code uses to be resumable anywhere. Standard library only.

The same ``train.py`` runs on every provider::

    with Job.from_environment() as job:
        start = job.checkpoints.latest()
        for step in range(start.step if start else 0, steps):
            ...
            job.progress(done=step + 1, of=steps, loss=loss)
            if job.checkpoints.due():
                with job.checkpoints.saving(step + 1) as folder:
                    ...
            job.stop_if_noticed()
        job.succeed(model=folder, metrics={"auc": 0.9})
"""

from blocks.workload.checkpoints import Checkpoints
from blocks.workload.digests import digest
from blocks.workload.interval import best_interval
from blocks.workload.job import Job
from blocks.workload.manifest import Checkpoint, CorruptCheckpoint
from blocks.workload.outcome import (
    INTERRUPTED_EXIT,
    Outcome,
    UnreadableOutcome,
    outcome_name,
    parse_outcome,
    read_outcome,
)
from blocks.workload.trial import report_metric

__all__ = [
    "INTERRUPTED_EXIT",
    "Checkpoint",
    "Checkpoints",
    "CorruptCheckpoint",
    "Job",
    "Outcome",
    "UnreadableOutcome",
    "best_interval",
    "digest",
    "outcome_name",
    "parse_outcome",
    "read_outcome",
    "report_metric",
]
