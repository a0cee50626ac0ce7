"""What watchers write down of an endpoint, also where several do at once or one dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from blocks.contracts import ObjectStore
from tasks.watch.ledger import NotAsked, WatchLedger
from tasks.watch.policy import RetrainRequest
from tests.unit.watch.windows import DAY, SPEC, START, cause, ignore, seen


def at_once(count: int, work: Callable[[int], None]) -> None:
    barrier = threading.Barrier(count)
    failed: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  # raised again by the test
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


def test_a_burst_of_a_thousand_drift_events_is_one_request(store: ObjectStore) -> None:
    """Eight watchers report a thousand events of two windows and ask after each."""
    told: list[str] = []
    events = [
        seen(number % 2, cause(f"column {number // 2 % 100}", 0.2 + number / 1e5))
        for number in range(1000)
    ]

    def watcher(number: int) -> None:
        ledger = WatchLedger(store, "flights")
        mine = events[number::8]
        for index, event in enumerate(mine):
            ledger.note(event)
            if index % 60 == 0 or index == len(mine) - 1:
                ledger.ask(SPEC, model="m", now=START + 2 * DAY, tell=lambda r: told.append(r.id))

    at_once(8, watcher)
    asked = WatchLedger(store, "flights").asked()
    assert len(asked) == 1
    assert told == [asked[0].request.id]


def test_watchers_that_race_make_one_request(store: ObjectStore) -> None:
    for number in (0, 1):
        WatchLedger(store, "e").note(seen(number, cause()))
    told: list[str] = []

    def watcher(_: int) -> None:
        WatchLedger(store, "e").ask(
            SPEC, model="m", now=START + 2 * DAY, tell=lambda request: told.append(request.id)
        )

    at_once(8, watcher)
    assert len(told) == len(WatchLedger(store, "e").asked()) == 1


def test_the_same_look_twice_is_noted_once(store: ObjectStore) -> None:
    ledger = WatchLedger(store, "e")
    assert ledger.note(seen(0, cause()))
    assert not ledger.note(seen(0, cause()))
    assert list(ledger.seen(SPEC)) == [seen(0, cause())]


class Died(Exception):
    """The process ended here."""


def test_who_dies_before_telling_is_told_for_by_the_next(store: ObjectStore) -> None:
    ledger = WatchLedger(store, "e")
    for number in (0, 1):
        ledger.note(seen(number, cause()))

    def die(_: RetrainRequest) -> None:
        raise Died

    now = START + 2 * DAY
    with pytest.raises(Died):
        ledger.ask(SPEC, model="m", now=now, tell=die)
    told: list[str] = []
    later = WatchLedger(store, "e")
    for minutes in (2, 3):
        when = now + timedelta(minutes=minutes)
        found = later.ask(SPEC, model="m", now=when, tell=lambda r: told.append(r.id))
        assert found.request is None
    assert told == [later.asked()[0].request.id]


def test_what_was_told_and_not_heard_is_told_again_until_a_release_takes_it_up(
    store: ObjectStore,
) -> None:
    ledger, now = WatchLedger(store, "e"), START + 2 * DAY
    told: list[str] = []

    def look(after: timedelta) -> None:
        found = ledger.ask(
            SPEC, model="m", now=now + after, tell=lambda r: told.append(r.id), because=["data"]
        )
        assert bool(found.request) is (after == timedelta(0))

    for minutes in (0, 30, 61, 90):
        look(timedelta(minutes=minutes))
    assert told == [ledger.asked()[0].request.id] * 2
    ledger.take(told[0], run="retrain", now=now)
    ledger.take(told[0], run="retrain", now=now)
    look(timedelta(hours=5))
    assert len(told) == 2


def test_what_is_known_to_be_lost_is_told_again_at_once_and_as_another_event(
    store: ObjectStore,
) -> None:
    """A server drops a second event with the id of the first, if it comes within minutes."""
    ledger, told = WatchLedger(store, "e"), list[RetrainRequest]()
    for minutes in (0, 1):
        now = START + timedelta(minutes=minutes)
        again = timedelta(0) if minutes else timedelta(hours=1)
        ledger.ask(SPEC, model="m", now=now, tell=told.append, because=["data"], again=again)
    assert [each.told for each in told] == [0, 1]
    assert len({each.id for each in told}) == 1


def test_only_what_was_asked_for_can_be_taken_up(store: ObjectStore) -> None:
    with pytest.raises(NotAsked, match="no request 'f00'"):
        WatchLedger(store, "e").take("f00", run="retrain", now=START)


def test_an_answered_request_makes_room_for_the_next(store: ObjectStore) -> None:
    spec = SPEC.model_copy(update={"cooldown": timedelta(0)})
    ledger = WatchLedger(store, "e")
    for number in (0, 1):
        ledger.note(seen(number, cause()))
    first = ledger.ask(spec, model="m", now=START + 2 * DAY, tell=ignore).request
    assert first is not None
    for number in (2, 3):
        ledger.note(seen(number, cause()))
    now = START + 4 * DAY - timedelta(hours=1)
    assert ledger.ask(spec, model="m", now=now, tell=ignore).request is None
    ledger.close(first.id, how="champion kept", now=now)
    ledger.close(first.id, how="again", now=now)
    ledger.close("unknown", how="", now=now)
    second = ledger.ask(spec, model="m", now=now, tell=ignore).request
    assert second is not None
    assert second.id != first.id
