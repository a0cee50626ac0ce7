"""A release that was cut off goes on; one that came to its end is not repeated."""

from __future__ import annotations

import httpx
import pytest

from blocks.contracts import Frozen, ObjectStore, Unavailable
from blocks.testing.memory_store import MemoryStore
from tasks.memory import recall, remember
from tasks.runs import a_run, all_runs, open_run


class Refused(Exception):
    pass


class Found(Frozen):
    value: int


def test_a_run_that_was_cut_off_goes_on(store: ObjectStore) -> None:
    first = open_run(store, "m", "digest")
    assert open_run(store, "m", "digest") == first


def test_a_run_that_a_provider_cut_off_goes_on(store: ObjectStore) -> None:
    with pytest.raises(Unavailable), a_run(store, "m", "digest") as first:
        raise Unavailable("down for a minute")
    with a_run(store, "m", "digest") as second:
        assert second == first


def test_a_run_that_lost_its_prefect_server_goes_on(store: ObjectStore) -> None:
    with pytest.raises(httpx.ConnectError), a_run(store, "m", "digest") as first:
        raise httpx.ConnectError("connection refused")
    with a_run(store, "m", "digest") as second:
        assert second == first


def test_a_run_that_ended_is_followed_by_a_new_one(store: ObjectStore) -> None:
    with a_run(store, "m", "digest", run="one") as first:
        pass
    with pytest.raises(Refused), a_run(store, "m", "digest", run="two"):
        raise Refused
    with a_run(store, "m", "digest") as third:
        assert third not in {first, "two"}
    assert [ended.how for _, ended in all_runs(store, "m") if ended] == ["done", "Refused", "done"]


def test_another_specification_is_another_run(store: ObjectStore) -> None:
    assert open_run(store, "m", "digest") != open_run(store, "m", "other")


def test_a_named_run_is_found_again_whatever_came_after(store: ObjectStore) -> None:
    first = open_run(store, "m", "digest", run="mine")
    open_run(store, "m", "other")
    assert open_run(store, "m", "digest", run="mine") == first


def test_what_was_found_out_is_not_found_out_again(store: ObjectStore) -> None:
    uri = f"{store.root}/runs/r/found.json"
    assert recall(store, uri, Found) is None
    assert remember(store, uri, Found, lambda: Found(value=1)) == Found(value=1)
    assert remember(store, uri, Found, lambda: Found(value=2)) == Found(value=1)


def test_beginning_and_ending_a_run_reads_the_newest_however_many_there_were() -> None:
    store = CountingStore("runs-are-many")
    for _ in range(20):
        with a_run(store, "m", "digest"):
            pass
    assert store.reads < 20 * 3
    assert len(all_runs(store, "m")) == 20


class CountingStore(MemoryStore):
    """Counts what is read."""

    reads = 0

    def _read(self, uri: str) -> bytes:
        self.reads += 1
        return super()._read(uri)
