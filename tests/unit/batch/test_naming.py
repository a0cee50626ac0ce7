"""Which run scores a data set: the same one for the same question, another for anything new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from blocks.contracts import BatchRequest, ModelVersion, ObjectStore, Unavailable
from tasks.batch.naming import name_of
from tasks.batch.record import a_scoring

Change = Callable[[ObjectStore, BatchRequest], BatchRequest]


@pytest.fixture
def request_(store: ObjectStore) -> BatchRequest:
    for name in ("a", "b"):
        store.write(f"{store.root}/data/{name}.parquet", b"rows")
    return BatchRequest(
        model=ModelVersion(name="flights", version="7", uri="u", digest="d"),
        data_uri=f"{store.root}/data",
        output_uri=f"{store.root}/scores",
        machine="local.small",
    )


def score(store: ObjectStore, request: BatchRequest) -> str:
    run = name_of(store, request)
    with a_scoring(store, run, request):
        store.write(f"{request.output_uri}/a.parquet", b"scored")
    return run


def written(store: ObjectStore, request: BatchRequest) -> BatchRequest:
    store.write(f"{request.data_uri}/b.parquet", b"sows")  # of the same size
    return request


def came(store: ObjectStore, request: BatchRequest) -> BatchRequest:
    store.write(f"{request.data_uri}/c.parquet", b"rows")
    return request


def went(store: ObjectStore, request: BatchRequest) -> BatchRequest:
    store.remove(f"{request.data_uri}/b.parquet")
    return request


def elsewhere(_: ObjectStore, request: BatchRequest) -> BatchRequest:
    return request.model_copy(update={"output_uri": f"{request.output_uri}-2"})


def longer(_: ObjectStore, request: BatchRequest) -> BatchRequest:
    return request.model_copy(update={"max_duration": timedelta(days=2)})


@pytest.mark.parametrize("change", [written, came, went, elsewhere, longer])
def test_new_data_or_another_question_is_another_run(
    store: ObjectStore, request_: BatchRequest, change: Change
) -> None:
    first = score(store, request_)
    assert name_of(store, change(store, request_)) != first


def test_the_same_question_over_the_same_data_is_the_same_run(
    store: ObjectStore, request_: BatchRequest
) -> None:
    first = score(store, request_)
    assert score(store, request_) == first
    assert first.startswith("batch-flights-7-")


def test_a_run_that_was_cut_off_goes_on(store: ObjectStore, request_: BatchRequest) -> None:
    run = name_of(store, request_)
    with pytest.raises(Unavailable), a_scoring(store, run, request_):
        raise Unavailable("down for a minute")
    assert score(store, request_) == run


def test_a_run_that_failed_is_followed_by_another(
    store: ObjectStore, request_: BatchRequest
) -> None:
    """Its job would be found again, and be found failed, for ever."""
    run = name_of(store, request_)
    with pytest.raises(ArithmeticError), a_scoring(store, run, request_):
        raise ArithmeticError
    second = score(store, request_)
    assert second not in ("", run)
    assert score(store, request_) == second


def test_predictions_that_are_gone_are_made_again(
    store: ObjectStore, request_: BatchRequest
) -> None:
    first = score(store, request_)
    store.remove(f"{request_.output_uri}/a.parquet")
    assert score(store, request_) != first
