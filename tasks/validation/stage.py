"""Validate a data set, keep what was found, and stop a release on bad data."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import ObjectStore
from tasks import showing
from tasks.memory import remember
from tasks.validation.fingerprint import fingerprint
from tasks.validation.parquet import ParquetData, open_parquet
from tasks.validation.report import Check, DataRejected, ValidationReport, empty
from tasks.validation.run import run_suite
from tasks.validation.spec import ValidationSpec
from tasks.validation.suite import batch_column, read_suite


@task(name="validate", task_run_name="validate {run}", cache_policy=NO_CACHE)
def validate_data(
    store: ObjectStore, spec: ValidationSpec, data_uri: str, *, run: str
) -> ValidationReport:
    """Return what the suite found.

    Raises:
        SuiteRefused: before any row is read, with everything in the suite that cannot be run.
        DataRejected: a check failed that stops a release.
        NotFound, InvalidRequest: there is no data there, or it is no Parquet data set.
    """
    place = f"{store.root}/runs/{run}/validation"
    look = partial(validated, store, spec, data_uri, place)
    report = remember(store, f"{place}/report.json", ValidationReport, look)
    found = "passed" if report.passed else "FAILED"
    showing.table("validation", report.table(), f"{found}: {report.suite}, {report.rows} rows")
    if report.docs_uri:
        showing.link("data-docs", report.docs_uri, "Data Docs")
    if report.batch_docs_uri:
        showing.link("newest-batch-docs", report.batch_docs_uri, f"Data Docs of {report.batch}")
    for check in report.failed:
        showing.logger().warning("%s: %s", check.severity, check)
    if not report.passed:
        raise DataRejected(report)
    return report


def validated(
    store: ObjectStore, spec: ValidationSpec, data_uri: str, place: str
) -> ValidationReport:
    """Return what the suite finds; keep the suite and Data Docs at ``place`` of the store."""
    content = store.read(spec.suite)
    with tempfile.TemporaryDirectory(prefix="bluewater-") as scratch:
        folder = Path(scratch)
        data = open_parquet(store, data_uri, folder)
        name, lines = read_suite(content, data.schema.names)
        if not data.rows:
            return empty(name, data_uri)
        checks, page = run_suite(name, lines, data, folder, examples=spec.examples)
        known = fingerprint(data.schema, data.batches())
        newest = _newest(store, spec, data, folder)
    batch, of_batch, batch_page = newest or ("", (), "")
    docs = f"{place}/newest-batch.html"
    return ValidationReport(
        suite=name,
        data=data_uri,
        rows=data.rows,
        fingerprint=known,
        checks=(*checks, *of_batch),
        docs_uri=store.write(f"{place}/data-docs.html", page.encode()).uri,
        suite_uri=store.write(f"{place}/suite.json", content).uri,
        batch=batch,
        batch_docs_uri=store.write(docs, batch_page.encode()).uri if batch else "",
    )


def _newest(
    store: ObjectStore, spec: ValidationSpec, data: ParquetData, folder: Path
) -> tuple[str, tuple[Check, ...], str] | None:
    """Return the newest batch, what came of its own suite, and the page of that."""
    if spec.batch_suite is None:
        return None
    content = store.read(spec.batch_suite)
    name, lines = read_suite(content, data.schema.names)
    own = folder / "newest"
    own.mkdir()
    batch, rows = data.newest(batch_column(content), own)
    checks, page = run_suite(name, lines, rows, own, examples=spec.examples)
    told = [
        check.model_copy(update={"why": f"newest batch, {batch}: {check.why}"}) for check in checks
    ]
    return batch, tuple(told), page
