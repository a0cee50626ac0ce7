"""Which data every provider's batch inference takes, and what it does with it."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import BatchInference, BatchRequest, InvalidRequest, ObjectStore, Phase
from blocks.testing.bench import Bench
from tests.conformance.scored import KEY, ROWS, etags, failed_with, settled, tables, with_model

CONTRACT = BatchInference


@pytest.fixture
def jobs(bench: Bench) -> BatchInference:
    return bench.connect(BatchInference)


@pytest.fixture
def store(bench: Bench) -> ObjectStore:
    return bench.connect(ObjectStore)


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


def test_another_model_scores_again(bench: Bench, jobs: BatchInference, store: ObjectStore) -> None:
    request = bench.batch_request(ROWS)
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
    request = with_model(bench, bench.batch_request(ROWS), kind)
    code, message = failed_with(settled(bench, jobs, request))
    assert code
    assert said in message
    assert etags(store, request.output_uri) == {}
    assert bench.running() == []


def test_a_model_that_is_not_what_was_registered_is_not_loaded(
    bench: Bench, jobs: BatchInference
) -> None:
    """It would fail while loading; what is told is the digest, so it was not tried."""
    request = with_model(bench, bench.batch_request(ROWS), "unloadable")
    model = request.model.model_copy(update={"digest": "0" * 64})
    request = request.model_copy(update={"model": model})
    assert failed_with(settled(bench, jobs, request))[0] == "DIGEST"


def test_rows_that_do_not_fit_are_told_by_file_and_column(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    good = pa.table({"x": [0.1, 0.9], "n": [1, 2]})
    base = bench.batch_request(ROWS)
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
    request = with_data(store, bench.batch_request(ROWS), files)
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
    request = with_data(store, bench.batch_request(ROWS), {"a.parquet": table, "b.parquet": table})
    request = request.model_copy(update={"data_uri": f"{request.data_uri}/b.parquet"})
    assert settled(bench, jobs, request).phase is Phase.SUCCEEDED
    assert list(tables(store, request.output_uri)) == ["/b.parquet"]


def test_data_that_is_not_there_is_refused(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    request = bench.batch_request(ROWS)
    gone = request.model_copy(update={"data_uri": f"{store.root}/nothing-here"})
    with pytest.raises(InvalidRequest, match="nothing-here"):
        jobs.submit(gone, key=KEY)
    inside = request.model_copy(update={"output_uri": f"{request.data_uri}/scores"})
    with pytest.raises(InvalidRequest, match="output_uri"):
        jobs.submit(inside, key=KEY)
    assert bench.created("batch") == 0


def test_data_without_a_parquet_file_is_refused_before_a_machine_is_paid_for(
    bench: Bench, jobs: BatchInference, store: ObjectStore
) -> None:
    request = bench.batch_request(ROWS).model_copy(update={"data_uri": f"{store.root}/no-rows"})
    for name in ("notes.txt", ".hidden.parquet", "_log/0.parquet"):
        store.write(f"{request.data_uri}/{name}", b"1")
    with pytest.raises(InvalidRequest, match=r"no Parquet file in \S+no-rows") as caught:
        jobs.submit(request, key=KEY)
    assert caught.value.code == "DATA"
    assert bench.created("batch") == 0
