"""Validate a data set, keep what was found, and stop a release on bad data."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import ObjectStore
from tasks import showing
from tasks.memory import remember
from tasks.validation.fingerprint import fingerprint
from tasks.validation.report import DataRejected, ValidationReport
from tasks.validation.run import run_suite
from tasks.validation.spec import ValidationSpec
from tasks.validation.suite import read_suite


@task(name="validate", task_run_name="validate {run}", cache_policy=NO_CACHE)
def validate_data(
    store: ObjectStore, spec: ValidationSpec, data_uri: str, *, run: str
) -> ValidationReport:
    """Return what the suite found. Raises DataRejected if a check failed that stops a release.

    Raises SuiteRefused, before any row is read, for a suite that does not fit the data.
    """
    place = f"{store.root}/runs/{run}/validation"
    report = remember(
        store,
        f"{place}/report.json",
        ValidationReport,
        lambda: _validate(store, spec, data_uri, place),
    )
    found = "passed" if report.passed else "FAILED"
    showing.table("validation", report.table(), f"{found}: {report.suite}, {report.rows} rows")
    showing.link("data-docs", report.docs_uri, "Data Docs")
    if not report.passed:
        raise DataRejected(report)
    return report


def _validate(
    store: ObjectStore, spec: ValidationSpec, data_uri: str, place: str
) -> ValidationReport:
    content = store.read(spec.suite)
    name, lines = read_suite(content, _columns(store, data_uri))
    frame = pd.concat([batch.to_pandas() for batch in _batches(store, data_uri)])
    checks, page = run_suite(name, lines, frame, examples=spec.examples)
    docs = store.write(f"{place}/data-docs.html", page.encode())
    kept = store.write(f"{place}/suite.json", json.dumps(json.loads(content), indent=2).encode())
    return ValidationReport(
        suite=name,
        data=data_uri,
        rows=len(frame),
        fingerprint=fingerprint(_batches(store, data_uri)),
        checks=checks,
        docs_uri=docs.uri,
        suite_uri=kept.uri,
    )


def _columns(store: ObjectStore, uri: str) -> list[str]:
    for each in store.walk(uri):
        with store.open(each.uri) as file:
            return list(pq.read_schema(file).names)
    return []


def _batches(store: ObjectStore, uri: str) -> Iterator[pa.RecordBatch]:
    for each in store.walk(uri):
        with store.open(each.uri) as file:
            yield from pq.ParquetFile(file).iter_batches()
