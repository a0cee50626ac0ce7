"""One question a run, one answer, whoever gives it first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.contracts import NotFound
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from tasks.approval.answers import Answer, Approvals, Question

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def approvals(tmp_path: Path) -> Approvals:
    return Approvals(LocalStore(machine=LocalMachine(workspace=tmp_path / "workspace")))


def question(run: str = "r1", *, minutes: float = 0) -> Question:
    return Question(run=run, model="m", version="2", at=NOW + timedelta(minutes=minutes))


def said(by: str, *, approved: bool = True) -> Answer:
    return Answer(approved=approved, by=by, at=NOW)


def test_asking_again_after_a_crash_keeps_the_time_of_the_first_question(
    approvals: Approvals,
) -> None:
    assert approvals.ask(question()) == question()
    assert approvals.ask(question(minutes=30)) == question()


def test_the_first_answer_counts(approvals: Approvals) -> None:
    approvals.ask(question())
    assert approvals.answered("r1") is None
    assert approvals.answer("r1", said("ann", approved=False)) == said("ann", approved=False)
    assert approvals.answer("r1", said("bob")) == said("ann", approved=False)
    assert approvals.answered("r1") == said("ann", approved=False)


def test_of_many_who_answer_at_once_one_counts_for_all(approvals: Approvals) -> None:
    approvals.ask(question())
    names = [f"caller {number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: approvals.answer("r1", said(name)), names))
    assert len(set(answers)) == 1


def test_what_waits_is_listed_oldest_first(approvals: Approvals) -> None:
    for run, minutes in (("late", 9), ("early", 1), ("done", 0)):
        approvals.ask(question(run, minutes=minutes))
    approvals.answer("done", said("ann"))
    assert [each.run for each in approvals.waiting()] == ["early", "late"]


def test_an_answer_to_no_question_names_the_runs_that_wait(approvals: Approvals) -> None:
    approvals.ask(question("early"))
    with pytest.raises(NotFound, match=r"'other'.*early"):
        approvals.answer("other", said("ann"))
