"""Runs that score into one place take turns, whoever began them and however they ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from blocks.contracts import (
    BatchRequest,
    Conflict,
    InvalidRequest,
    ModelVersion,
    ObjectStore,
    Unavailable,
)
from tasks.batch.record import Scoring, a_scoring, place_of
from tasks.batch.turns import Turn, take_turn
from tasks.memory import recall

Finish = Callable[[Turn], None]


@pytest.fixture
def request_(store: ObjectStore) -> BatchRequest:
    return BatchRequest(
        model=ModelVersion(name="flights", version="7", uri="u", digest="d"),
        data_uri=f"{store.root}/data",
        output_uri=f"{store.root}/scores",
        machine="local.small",
    )


def nobody(turn: Turn) -> None:
    raise AssertionError(f"{turn.run} is over")


def cut_off(store: ObjectStore, run: str, request: BatchRequest, finish: Finish = nobody) -> None:
    """Begin a run, and lose its process in the middle of its job."""
    with pytest.raises(Unavailable), a_scoring(store, run, request):
        take_turn(store, run, request, finish=finish)
        raise Unavailable("killed")


def score(
    store: ObjectStore, run: str, request: BatchRequest, finish: Finish = nobody
) -> Scoring | None:
    with a_scoring(store, run, request):
        take_turn(store, run, request, finish=finish)
    return recall(store, place_of(store, run), Scoring)


def test_a_run_that_was_cut_off_is_finished_before_the_next_writes_to_its_place(
    store: ObjectStore, request_: BatchRequest
) -> None:
    cut_off(store, "monday", request_)
    finished: list[str] = []

    def finish(turn: Turn) -> None:
        assert turn.request == request_
        with a_scoring(store, turn.run, turn.request):
            finished.append(turn.run)

    newer = request_.model_copy(update={"data_uri": f"{store.root}/more"})
    score(store, "tuesday", newer, finish)
    assert finished == ["monday"]
    score(store, "wednesday", request_)  # tuesday is over
    score(store, "tuesday", newer)  # and may be asked again


def test_a_run_goes_on_in_its_own_turn(store: ObjectStore, request_: BatchRequest) -> None:
    cut_off(store, "monday", request_)
    begun = recall(store, place_of(store, "monday"), Scoring)
    after = score(store, "monday", request_)
    assert begun is not None
    assert after is not None
    assert after.begun == begun.begun
    assert after.how == "done"


def test_places_have_turns_of_their_own(store: ObjectStore, request_: BatchRequest) -> None:
    cut_off(store, "monday", request_)
    elsewhere = request_.model_copy(update={"output_uri": f"{store.root}/elsewhere"})
    score(store, "tuesday", elsewhere)
    same = request_.model_copy(update={"output_uri": f"{request_.output_uri}/"})
    with pytest.raises(AssertionError, match="monday is over"):
        score(store, "wednesday", same)


def test_of_two_that_wait_for_one_the_later_waits_for_both(
    store: ObjectStore, request_: BatchRequest
) -> None:
    cut_off(store, "monday", request_)
    finished: list[str] = []

    def finish(turn: Turn) -> None:
        finished.append(turn.run)
        if turn.run == "monday":  # while we look at it, somebody else is next
            with a_scoring(store, "monday", request_):
                pass
            cut_off(store, "tuesday", request_)

    score(store, "wednesday", request_, finish)
    assert finished == ["monday", "tuesday"]


def test_a_run_that_nobody_can_finish_keeps_its_place_for_as_long_as_its_job_may_take(
    store: ObjectStore, request_: BatchRequest
) -> None:
    def cannot(_: Turn) -> None:
        raise InvalidRequest("its data are gone")

    cut_off(store, "monday", request_)
    with pytest.raises(Conflict, match=r"monday.*its data are gone.*another output"):
        score(store, "tuesday", request_, cannot)
    short = request_.model_copy(update={"output_uri": "file:///s", "max_duration": timedelta(0)})
    cut_off(store, "sunday", short)
    score(store, "tuesday-2", short, cannot)


def test_a_cloud_that_is_down_lets_nobody_else_have_the_turn(
    store: ObjectStore, request_: BatchRequest
) -> None:
    def down(_: Turn) -> None:
        raise Unavailable("for a minute")

    cut_off(store, "monday", request_)
    with pytest.raises(Unavailable):
        score(store, "tuesday", request_, down)
    with pytest.raises(AssertionError, match="monday is over"):
        score(store, "wednesday", request_)
