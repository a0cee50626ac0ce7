"""Score a data set, and wait for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import (
    BatchInference,
    BatchRequest,
    BatchResult,
    ObjectStore,
    Phase,
    RunKey,
)
from tasks import showing
from tasks.attempts import last_attempt, why
from tasks.batch.record import a_scoring
from tasks.batch.turns import Turn, take_turn
from tasks.waiting import Pace


class ScoringFailed(Exception):
    """The job ended without predictions for every row."""


def score_in_turn(
    batch: BatchInference,
    store: ObjectStore,
    request: BatchRequest,
    *,
    run: str,
    pace: Pace | None = None,
) -> BatchResult:
    """Return where the predictions are; an earlier run into the same place comes first.

    Raises Conflict where that one may still write and cannot be brought to its end.
    """
    with a_scoring(store, run, request):
        take_turn(store, run, request, finish=partial(_finish, batch, store, pace=pace))
        return score_data(batch, request, run=run, pace=pace)


def _finish(batch: BatchInference, store: ObjectStore, turn: Turn, *, pace: Pace | None) -> None:
    """Bring a run to its end, whichever that is: its job is found again, not doubled."""
    into = turn.request.output_uri
    showing.logger().info("run %s comes first: it scores into %s", turn.run, into)
    with suppress(ScoringFailed), a_scoring(store, turn.run, turn.request):
        score_data(batch, turn.request, run=turn.run, pace=pace)


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
