"""Rollouts, approvals and aliases that are set right leave lines in the audit log, each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.contracts import (
    Endpoints,
    ModelRegistry,
    ModelVersion,
    Monitor,
    ObjectStore,
    VariantRequest,
)
from blocks.providers.local.bench import LocalBench
from blocks.testing.bench import Bench
from tasks.approval.answers import Answer, Approvals, Question
from tasks.audit.entries import Act
from tasks.audit.log import AuditLog
from tasks.audit.verify import verify
from tasks.rollout.driver import Driver, Ports, Wish
from tasks.rollout.journal import Entry, Event, Journal
from tasks.rollout.spec import RolloutSpec
from tasks.waiting import Pace

AT = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = ModelVersion(name="flights", version="2", uri="file:///m", digest="d")
GREEN = VariantRequest(endpoint="flights", variant="v2", model=MODEL, machine="local.small")
SPEC = RolloutSpec(endpoint="flights", machine="local.small", smoke_request="file:///r")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalBench(tmp_path) as bench:
        yield bench


@pytest.fixture
def store(bench: Bench) -> ObjectStore:
    return bench.connect(ObjectStore)


def entry(number: int, event: Event, **more: object) -> Entry:
    at = AT + timedelta(minutes=number)
    given = {"number": number, "at": at, "run": "r1", "by": "ann@here:1:ab", "event": event}
    return Entry.model_validate({**given, **more})


def journal_of(store: ObjectStore, *events: Event) -> None:
    journal = Journal(store, "flights", by="ann@here:1:ab")
    journal.current()
    begun = {"green": GREEN, "blue": "v1", "alias": "champion", "spec": SPEC}
    for number, event in enumerate(events):
        journal.append(entry(number, event, **(begun if event is Event.BEGUN else {})))


def driver(bench: Bench, run: str) -> Driver:
    ports = Ports(
        endpoints=bench.connect(Endpoints),
        monitor=bench.connect(Monitor),
        models=bench.connect(ModelRegistry),
        store=bench.connect(ObjectStore),
    )
    return Driver(ports, Wish(model=MODEL, alias="champion", run=run, spec=SPEC), Pace())


def acts(store: ObjectStore) -> list[Act]:
    return [line.deed.act for line in AuditLog(store).back()][::-1]


def test_what_a_process_noted_is_accounted_for_before_it_is_done(
    bench: Bench, store: ObjectStore
) -> None:
    first = driver(bench, "r1")
    assert first.take_up()
    first.note(Event.READY)
    first.note(Event.STEP, percent=10, why="no harm seen")
    assert acts(store) == [Act.DEPLOY, Act.SHIFT]
    newest = next(AuditLog(store).back()).deed
    assert (newest.subject, newest.run, newest.why) == ("flights", "r1", "no harm seen")
    assert "10 %" in newest.what
    assert "@" in newest.who


def test_whoever_goes_on_writes_the_lines_that_the_dead_could_not(
    bench: Bench, store: ObjectStore
) -> None:
    """A journal without any line: each process died right after it had written its entry."""
    journal_of(store, Event.BEGUN, Event.READY, Event.STEP, Event.LIVE)
    for _ in range(2):
        assert driver(bench, "r1").take_up()
        assert acts(store) == [Act.DEPLOY, Act.SHIFT, Act.PROMOTION]
    assert {line.deed.who for line in AuditLog(store).back()} == {"ann@here:1:ab"}
    assert verify(AuditLog(store)).problems == ()


def test_the_end_of_a_rollout_is_accounted_for_by_the_one_after_it(
    bench: Bench, store: ObjectStore
) -> None:
    journal_of(store, Event.BEGUN, Event.STEP, Event.LIVE, Event.FINISHED)
    assert driver(bench, "r2").take_up()
    assert acts(store) == [Act.DEPLOY, Act.SHIFT, Act.PROMOTION, Act.RETIRE, Act.DEPLOY]


@pytest.mark.parametrize("approved", [True, False])
def test_an_answer_is_accounted_for_once_with_who_gave_it(
    store: ObjectStore, approved: bool
) -> None:
    approvals = Approvals(store)
    question = approvals.ask(Question(run="r1", model="flights", version="2", at=AT))
    answer = Answer(approved=approved, by="ann", why="looks right", at=AT)
    approvals.answer("r1", answer)
    approvals.answer("r1", answer.model_copy(update={"approved": not approved, "by": "bob"}))
    approvals.account_for(question, answer)
    [line] = AuditLog(store).back()
    assert (line.deed.act, line.deed.who, line.deed.why) == (Act.APPROVAL, "ann", "looks right")
    assert ("may not" in line.deed.what) is not approved
