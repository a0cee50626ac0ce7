"""Score a data set, and wait for it."""

from __future__ import annotations

from datetime import timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import BatchInference, BatchRequest, BatchResult, Phase, RunKey
from tasks import showing
from tasks.attempts import last_attempt, why
from tasks.waiting import Pace


class ScoringFailed(Exception):
    """The job ended without predictions for every row."""


@task(name="score", task_run_name="score", cache_policy=NO_CACHE)
def score_data(
    batch: BatchInference, request: BatchRequest, *, run: str, pace: Pace | None = None
) -> BatchResult:
    """Return where the predictions are. Run again with the same ``run``, it finds the same job.

    A job whose machine was taken back is submitted again, and does not score a finished file twice.
    """
    pace = pace or Pace(every=timedelta(seconds=2))
    progress = showing.Progress(f"Scoring, run {run}")
    ref, status = last_attempt(
        batch,
        request,
        key=RunKey(run=run, step="score"),
        within=request.max_duration,
        pace=pace,
        seen=lambda seen: progress.set(seen.progress or 0.0),
    )
    if status.phase is not Phase.SUCCEEDED or status.result is None:
        raise ScoringFailed(f"job {ref.id} {why(status)}")
    return status.result
