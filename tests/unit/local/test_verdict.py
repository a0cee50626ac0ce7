from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.contracts import Phase, TrainingRequest
from blocks.providers.local.jobs import Job, StopOrder, StopReason
from blocks.providers.local.verdict import judge
from blocks.workload import INTERRUPTED_EXIT, Outcome
from blocks.workload.outcome import write_outcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = Outcome(ok=True, model_uri="file:///m", digest="d", metrics={"auc": 0.9})
BAD = Outcome(ok=False, code="ValueError", message="ValueError: loss is NaN")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    request = TrainingRequest(
        source_uri="file:///s",
        command=("python",),
        machine="local.small",
        data_uri="file:///d",
        checkpoint_uri="file:///c",
        output_uri=tmp_path.as_uri(),
    )
    return Job(token="t", request=request, created=NOW, owner="o")


def judged(
    job: Job, outcome: Outcome | None, exit_status: int | None, reason: StopReason | None
) -> tuple[Phase, str]:
    if outcome is not None:
        write_outcome(job.request.output_uri, job.token, outcome)
    order = None if reason is None else StopOrder(reason=reason, at=NOW)
    ended = judge(job, exit_status=exit_status, order=order, last_lines="last words")
    return ended.phase, ended.code


@pytest.mark.parametrize("exit_status", [None, 0, 1, -9, INTERRUPTED_EXIT])
@pytest.mark.parametrize("reason", [None, *StopReason])
def test_a_model_that_was_announced_counts_whatever_came_after(
    job: Job, exit_status: int | None, reason: StopReason | None
) -> None:
    """The outcome is written last: the model is whole, and paid for."""
    assert judged(job, GOOD, exit_status, reason) == (Phase.SUCCEEDED, "")


@pytest.mark.parametrize("outcome", [None, BAD])
@pytest.mark.parametrize("exit_status", [None, 0, 1, -9, -15, INTERRUPTED_EXIT])
@pytest.mark.parametrize(
    ("reason", "end"),
    [
        (StopReason.CANCELLED, (Phase.CANCELLED, "CANCELLED")),
        (StopReason.RECLAIMED, (Phase.INTERRUPTED, "RECLAIMED")),
        (StopReason.OVERDUE, (Phase.FAILED, "MAX_DURATION")),
    ],
)
def test_a_job_that_was_told_to_end_ended_for_that_reason(
    job: Job,
    outcome: Outcome | None,
    exit_status: int | None,
    reason: StopReason,
    end: tuple[Phase, str],
) -> None:
    assert judged(job, outcome, exit_status, reason) == end


@pytest.mark.parametrize(
    ("exit_status", "end"),
    [
        (None, (Phase.INTERRUPTED, "MACHINE_GONE")),
        (INTERRUPTED_EXIT, (Phase.INTERRUPTED, "NOTICE")),
        (0, (Phase.FAILED, "NO_OUTCOME")),
        (3, (Phase.FAILED, "EXIT_3")),
        (-9, (Phase.FAILED, "SIGKILL")),
        (-11, (Phase.FAILED, "SIGSEGV")),
        (-40, (Phase.FAILED, "SIGNAL_40")),
    ],
)
def test_without_a_word_the_exit_status_decides(
    job: Job, exit_status: int | None, end: tuple[Phase, str]
) -> None:
    assert judged(job, None, exit_status, None) == end


def test_a_failure_is_told_in_the_words_of_the_code(job: Job) -> None:
    assert judged(job, BAD, 1, None) == (Phase.FAILED, "ValueError")


def test_an_outcome_that_cannot_be_read_is_a_failure(job: Job, tmp_path: Path) -> None:
    (tmp_path / "outcome-t.json").write_text("{")
    assert judged(job, None, 0, None) == (Phase.FAILED, "UNREADABLE_OUTCOME")
