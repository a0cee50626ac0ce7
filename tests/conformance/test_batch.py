"""What every provider's batch inference must do."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    BatchInference,
    BatchRequest,
    BatchResult,
    Idempotency,
    InvalidRequest,
    ModelVersion,
    NotFound,
    ObjectStore,
    OperationRef,
    OperationStatus,
    Phase,
    RunKey,
    Unsupported,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd
from blocks.testing.waiting import until

CONTRACT = BatchInference
KEY = RunKey(run="run-1", step="score")
FEW, MANY = 200, 1_000_000


@pytest.fixture
def jobs(bench: Bench) -> BatchInference:
    return bench.connect(BatchInference)


@pytest.fixture
def store(bench: Bench) -> ObjectStore:
    return bench.connect(ObjectStore)


def settled(
    bench: Bench, jobs: BatchInference, request: BatchRequest, key: RunKey = KEY
) -> OperationStatus[BatchResult]:
    bench.settle(ref := jobs.submit(request, key=key))
    return jobs.status(ref)


def tables(store: ObjectStore, folder: str) -> dict[str, pa.Table]:
    """Read every file below a folder, by its relative path."""
    return {
        found.uri.removeprefix(folder): pq.read_table(io.BytesIO(store.read(found.uri)))
        for found in store.walk(folder)
    }


def etags(store: ObjectStore, folder: str) -> dict[str, str]:
    """Return what is there under a final name."""
    found = {each.uri: each.etag for each in store.walk(folder)}
    return {uri: etag for uri, etag in found.items() if uri.endswith(".parquet")}


def with_data(
    store: ObjectStore, request: BatchRequest, files: Mapping[str, pa.Table]
) -> BatchRequest:
    """Return the request over a data set of these files, written for it."""
    place = f"{store.root}/batch-data"
    for name, table in files.items():
        out = io.BytesIO()
        pq.write_table(table, out)
        store.write(f"{place}/{name}", out.getvalue())
    uris = {"data_uri": place, "output_uri": f"{store.root}/batch-scores"}
    return request.model_copy(update=uris)


def with_model(bench: Bench, request: BatchRequest, kind: str) -> BatchRequest:
    draft = bench.model_draft(kind=kind)
    model = ModelVersion(name=draft.name, version="1", uri=draft.uri, digest=draft.digest)
    return request.model_copy(update={"model": model})


def failed_with(status: OperationStatus[BatchResult]) -> tuple[str, str]:
    assert status.phase is Phase.FAILED
    assert status.result is None
    assert status.failure is not None
    return status.failure.code, status.failure.message


def test_every_row_gets_its_prediction_in_a_file_of_the_same_name(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    request = bench.batch_request(FEW)
    status = settled(bench, jobs, request)
    assert status.phase is Phase.SUCCEEDED
    assert status.result == BatchResult(output_uri=request.output_uri, rows=FEW)
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
    request = bench.batch_request(FEW)
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
    request = bench.batch_request(FEW)
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
    request = bench.batch_request(FEW)
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
    request = bench.batch_request(MANY)
    first = jobs.submit(request, key=KEY)
    until(lambda: not jobs.status(first).phase.done and etags(store, request.output_uri))
    bench.reclaim(first)
    status = jobs.status(first)
    assert status.phase is Phase.INTERRUPTED
    assert (status.result, status.interruptions) == (None, 1)
    assert jobs.submit(request, key=KEY) == first
    assert jobs.status(first).phase is Phase.INTERRUPTED
    kept = etags(store, request.output_uri)
    second = settled(bench, jobs, request, KEY.next())
    assert second.result == BatchResult(output_uri=request.output_uri, rows=MANY)
    after = etags(store, request.output_uri)
    assert 0 < len(kept) < len(after)
    assert {uri: after[uri] for uri in kept} == kept
    scored = tables(store, request.output_uri)
    assert list(scored) == list(tables(store, request.data_uri))
    assert sum(table.num_rows for table in scored.values()) == MANY


def test_another_model_scores_again(bench: Bench, jobs: BatchInference, store: ObjectStore) -> None:
    request = bench.batch_request(FEW)
    settled(bench, jobs, request)
    status = settled(bench, jobs, with_model(bench, request, "constant"))
    assert status.phase is Phase.SUCCEEDED
    for table in tables(store, request.output_uri).values():
        assert set(table["prediction"].to_pylist()) == {0.25}


def test_memory_does_not_grow_with_the_data(bench: Bench, jobs: BatchInference) -> None:
    """Four times the rows in every file; a file at once would show."""
    peaks = []
    for rows in (1_000_000, 4_000_000):
        usage = settled(bench, jobs, bench.batch_request(rows)).usage
        if usage is None or usage.peak_memory_bytes is None:
            pytest.skip("this provider does not measure memory")
        peaks.append(usage.peak_memory_bytes)
    assert peaks[1] - peaks[0] < 30 << 20, peaks


@pytest.mark.parametrize(
    ("kind", "said"), [("broken", "always fails"), ("unloadable", "cannot be loaded")]
)
def test_a_model_that_fails_is_a_status_with_its_words(
    bench: Bench, jobs: BatchInference, store: ObjectStore, kind: str, said: str
) -> None:
    request = with_model(bench, bench.batch_request(FEW), kind)
    code, message = failed_with(settled(bench, jobs, request))
    assert code
    assert said in message
    assert etags(store, request.output_uri) == {}
    assert bench.running() == []


def test_a_model_that_is_not_what_was_registered_is_not_loaded(
    bench: Bench, jobs: BatchInference
) -> None:
    """It would fail while loading; what is told is the digest, so it was not tried."""
    request = with_model(bench, bench.batch_request(FEW), "unloadable")
    model = request.model.model_copy(update={"digest": "0" * 64})
    request = request.model_copy(update={"model": model})
    assert failed_with(settled(bench, jobs, request))[0] == "DIGEST"


def test_rows_that_do_not_fit_are_told_by_file_and_column(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    good = pa.table({"x": [0.1, 0.9], "n": [1, 2]})
    base = bench.batch_request(FEW)
    request = with_data(store, base, {"a.parquet": good, "b.parquet": good.drop_columns(["n"])})
    code, message = failed_with(settled(bench, jobs, request))
    assert code == "MISSING_COLUMN"
    assert "b.parquet" in message
    assert "'n'" in message
    assert list(tables(store, request.output_uri)) == ["/a.parquet"]
    taken = good.append_column("prediction", [[1.0, 1.0]])
    request = with_data(store, base, {"b.parquet": taken})
    code, message = failed_with(settled(bench, jobs, request, KEY.next()))
    assert code == "PREDICTION_COLUMN"


def test_columns_the_model_does_not_know_are_carried_along(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    table = pa.table({"id": ["a", "b"], "x": [0.1, 0.9], "n": [1, 2]})
    empty = table.slice(0, 0)
    files = {"a.parquet": table, "deep/b.parquet": empty, "notes.txt": table, ".c.parquet": table}
    request = with_data(store, bench.batch_request(FEW), files)
    status = settled(bench, jobs, request)
    assert status.result is not None
    assert status.result.rows == 2
    scored = tables(store, request.output_uri)
    assert list(scored) == ["/a.parquet", "/deep/b.parquet"]
    assert scored["/a.parquet"].to_pydict() == {**table.to_pydict(), "prediction": [0.0, 1.0]}
    assert scored["/deep/b.parquet"].column_names == ["id", "x", "n", "prediction"]
    assert scored["/deep/b.parquet"].num_rows == 0


def test_one_file_is_a_data_set_too(bench: Bench, jobs: BatchInference, store: ObjectStore) -> None:
    table = pa.table({"x": [0.1, 0.9], "n": [1, 2], "note": ["a", None]})
    request = with_data(store, bench.batch_request(FEW), {"a.parquet": table, "b.parquet": table})
    request = request.model_copy(update={"data_uri": f"{request.data_uri}/b.parquet"})
    assert settled(bench, jobs, request).phase is Phase.SUCCEEDED
    assert list(tables(store, request.output_uri)) == ["/b.parquet"]


def test_data_that_is_not_there_is_refused(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    request = bench.batch_request(FEW)
    gone = request.model_copy(update={"data_uri": f"{store.root}/nothing-here"})
    with pytest.raises(InvalidRequest, match="nothing-here"):
        jobs.submit(gone, key=KEY)
    inside = request.model_copy(update={"output_uri": f"{request.data_uri}/scores"})
    with pytest.raises(InvalidRequest, match="output_uri"):
        jobs.submit(inside, key=KEY)
    assert bench.created("batch") == 0


def test_a_job_that_takes_too_long_is_ended(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    request = bench.batch_request(MANY).model_copy(
        update={"max_duration": timedelta(milliseconds=50)}
    )
    assert failed_with(settled(bench, jobs, request))[0] == "MAX_DURATION"
    assert etags(store, request.output_uri) == {}
    assert bench.running() == []


def test_cancel_may_be_repeated(bench: Bench, jobs: BatchInference) -> None:
    bench.begin(ref := jobs.submit(bench.batch_request(MANY), key=KEY))
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
    bench.settle(ref := jobs.submit(bench.batch_request(FEW), key=KEY))
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
    request = bench.batch_request(FEW).model_copy(update={"spot": True})
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
