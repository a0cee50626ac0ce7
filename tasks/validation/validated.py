"""What a data set shows to its suite: the whole of validation, wherever it is done."""

from __future__ import annotations

import tempfile
from pathlib import Path

from blocks.contracts import ObjectStore
from tasks.validation.fingerprint import fingerprint
from tasks.validation.parquet import ParquetData, open_parquet
from tasks.validation.report import Check, ValidationReport, empty
from tasks.validation.run import run_suite
from tasks.validation.spec import ValidationSpec
from tasks.validation.suite import batch_column, read_suite


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
