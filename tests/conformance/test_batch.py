"""What every provider's batch inference must do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from blocks.contracts import (
    BatchInference,
    BatchResult,
    Idempotency,
    NotFound,
    ObjectStore,
    OperationRef,
    OperationStatus,
    Phase,
    Unsupported,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd
from blocks.testing.waiting import until
from tests.conformance.scored import KEY, ROWS, etags, failed_with, settled, tables

CONTRACT = BatchInference


@pytest.fixture
def jobs(bench: Bench) -> BatchInference:
    return bench.connect(BatchInference)


@pytest.fixture
def store(bench: Bench) -> ObjectStore:
    return bench.connect(ObjectStore)


def test_every_row_gets_its_prediction_in_a_file_of_the_same_name(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    request = bench.batch_request(ROWS)
    status = settled(bench, jobs, request)
    assert status.phase is Phase.SUCCEEDED
    assert status.result == BatchResult(output_uri=request.output_uri, rows=ROWS)
    assert status.progress == 1.0
    given, scored = tables(store, request.data_uri), tables(store, request.output_uri)
    assert list(scored) == list(given)
    assert len(given) > 1
    for name, table in given.items():
        assert scored[name].drop_columns(["prediction"]) == table
        wanted = [float(x > 0.5) for x in table["x"].to_pylist()]
        assert scored[name]["prediction"].to_pylist() == wanted
    assert status.usage is not None
    assert status.usage.machine == request.machine
    assert status.usage.seconds > 0
    assert bench.running() == []


def test_submitting_twice_starts_one_job(bench: Bench, jobs: BatchInference) -> None:
    request = bench.batch_request(ROWS)
    ref = jobs.submit(request, key=KEY)
    assert jobs.submit(request, key=KEY) == ref
    bench.settle(ref)
    assert jobs.submit(request, key=KEY) == ref
    assert bench.created("batch") == 1
    assert bench.running() == []
    assert jobs.submit(request, key=KEY.next()) != ref
    other = request.model_copy(update={"output_uri": request.output_uri + "-other"})
    assert jobs.submit(other, key=KEY) != ref
    assert bench.created("batch") == 3


def test_a_stranger_can_reattach_from_json(bench: Bench, jobs: BatchInference) -> None:
    """Stands for an orchestrator that crashed and came back as a new process."""
    request = bench.batch_request(ROWS)
    ref = OperationRef.model_validate_json(jobs.submit(request, key=KEY).model_dump_json())
    assert (ref.provider, ref.capability) == (jobs.provider, "batch")
    assert ref.token == KEY.token(request)
    bench.begin(ref)
    later = bench.connect(BatchInference)
    assert later.status(ref).phase in (Phase.RUNNING, Phase.SUCCEEDED)
    bench.settle(ref)
    status = later.status(ref)
    assert OperationStatus[BatchResult].model_validate_json(status.model_dump_json()) == status


def test_many_at_once_start_one_job(bench: Bench, jobs: BatchInference) -> None:
    if jobs.features.idempotency is Idempotency.LISTED:
        pytest.skip("this provider says that two callers at once may both create")
    request = bench.batch_request(ROWS)
    with crowd(jobs, "submit", [((request,), {"key": KEY})] * 6) as strangers:
        refs = [each.told() for each in strangers]
    assert refs == [refs[0]] * 6
    assert bench.created("batch") == 1
    bench.settle(refs[0])
    assert jobs.status(refs[0]).phase is Phase.SUCCEEDED


def test_the_next_attempt_goes_on_after_the_last_finished_file(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    """The machine is lost in the middle; what was finished is neither lost nor done again."""
    request = bench.batch_request(ROWS, kind="held")
    first = jobs.submit(request, key=KEY)
    until(lambda: etags(store, request.output_uri))
    bench.reclaim(first)
    status = jobs.status(first)
    assert status.phase is Phase.INTERRUPTED
    assert (status.result, status.interruptions) == (None, 1)
    assert jobs.submit(request, key=KEY) == first
    assert jobs.status(first).phase is Phase.INTERRUPTED
    kept = etags(store, request.output_uri)
    bench.let_go()
    second = settled(bench, jobs, request, KEY.next())
    assert second.result == BatchResult(output_uri=request.output_uri, rows=ROWS)
    after = etags(store, request.output_uri)
    assert 0 < len(kept) < len(after)
    assert {uri: after[uri] for uri in kept} == kept
    scored = tables(store, request.output_uri)
    assert list(scored) == list(tables(store, request.data_uri))
    assert sum(table.num_rows for table in scored.values()) == ROWS


def test_a_job_that_takes_too_long_is_ended(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    request = bench.batch_request(ROWS, kind="held").model_copy(
        update={"max_duration": timedelta(milliseconds=50)}
    )
    assert failed_with(settled(bench, jobs, request))[0] == "MAX_DURATION"
    assert len(etags(store, request.output_uri)) < len(tables(store, request.data_uri))
    assert bench.running() == []


def test_cancel_may_be_repeated(bench: Bench, jobs: BatchInference) -> None:
    bench.begin(ref := jobs.submit(bench.batch_request(ROWS, kind="held"), key=KEY))
    jobs.cancel(ref)
    jobs.cancel(ref)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    jobs.cancel(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert bench.running() == []


def test_cancelling_what_is_over_or_unknown_changes_nothing(
    bench: Bench, jobs: BatchInference
) -> None:
    bench.settle(ref := jobs.submit(bench.batch_request(ROWS), key=KEY))
    jobs.cancel(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    unknown = ref.model_copy(update={"id": "0" * 32, "token": "0" * 32})
    jobs.cancel(unknown)
    with pytest.raises(NotFound) as caught:
        jobs.status(unknown)
    assert (caught.value.provider, caught.value.operation) == (jobs.provider, "batch.status")
    assert bench.created("batch") == 1


def test_spot_is_kept_or_refused(bench: Bench, jobs: BatchInference) -> None:
    """A flag may lie neither way: on means it works, off means an early, typed no."""
    request = bench.batch_request(ROWS).model_copy(update={"spot": True})
    if not jobs.features.spot:
        with pytest.raises(Unsupported):
            jobs.submit(request, key=KEY)
        assert bench.created("batch") == 0
        return
    bench.begin(ref := jobs.submit(request, key=KEY))
    assert bench.seen(ref)["spot"] is True
    bench.settle(ref)
    usage = jobs.status(ref).usage
    assert usage is None or usage.spot
