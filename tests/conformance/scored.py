"""Batch jobs under test, and what they wrote."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import (
    BatchInference,
    BatchRequest,
    BatchResult,
    ModelVersion,
    ObjectStore,
    OperationStatus,
    Phase,
    RunKey,
)
from blocks.testing.bench import Bench

KEY = RunKey(run="run-1", step="score")
ROWS = 200


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


def with_model(bench: Bench, request: BatchRequest, kind: str) -> BatchRequest:
    draft = bench.model_draft(kind=kind)
    model = ModelVersion(name=draft.name, version="1", uri=draft.uri, digest=draft.digest)
    return request.model_copy(update={"model": model})


def failed_with(status: OperationStatus[BatchResult]) -> tuple[str, str]:
    assert status.phase is Phase.FAILED
    assert status.result is None
    assert status.failure is not None
    return status.failure.code, status.failure.message
