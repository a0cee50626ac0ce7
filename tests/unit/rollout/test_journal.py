"""The journal of an endpoint: two writers can never both write the next entry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from blocks.contracts import ObjectStore
from tasks.rollout.journal import Entry, Event, Journal, TakenUp, is_open


def entry(event: Event, run: str = "r1") -> Entry:
    return Entry(number=0, at=datetime(2026, 1, 1, tzinfo=UTC), run=run, by="", event=event)


def test_a_new_endpoint_has_no_rollout(store: ObjectStore) -> None:
    entries = Journal(store, "e", by="a").current()
    assert list(entries) == []
    assert not is_open(entries)


def test_another_process_reads_what_was_written(store: ObjectStore) -> None:
    journal = Journal(store, "e", by="a")
    journal.current()
    for event in (Event.BEGUN, Event.READY, Event.STEP):
        journal.append(entry(event))
    found = Journal(store, "e", by="b").current()
    assert [each.event for each in found] == [Event.BEGUN, Event.READY, Event.STEP]
    assert {each.by for each in found} == {"a"}
    assert is_open(found)


def test_only_the_newest_rollout_is_read(store: ObjectStore) -> None:
    journal = Journal(store, "e", by="a")
    journal.current()
    for event in (Event.BEGUN, Event.RETURNED):
        journal.append(entry(event, run="old"))
    journal.append(entry(Event.BEGUN, run="new"))
    assert [each.run for each in journal.current()] == ["new"]


def test_whoever_was_taken_over_cannot_write_any_more(store: ObjectStore) -> None:
    first, second = Journal(store, "e", by="first"), Journal(store, "e", by="second")
    first.current()
    first.append(entry(Event.BEGUN))
    second.current()
    second.append(entry(Event.TAKEN_UP))
    with pytest.raises(TakenUp):
        first.append(entry(Event.STEP))
    assert [each.event for each in second.current()] == [Event.BEGUN, Event.TAKEN_UP]


@pytest.mark.parametrize("event", [Event.RETURNED, Event.FINISHED])
def test_a_rollout_is_closed_by_its_end(store: ObjectStore, event: Event) -> None:
    assert not is_open([entry(Event.BEGUN), entry(event)])
