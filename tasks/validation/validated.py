"""What a data set shows to its suite: the whole of validation, wherever it is done."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from blocks.contracts import ObjectStore
from tasks.validation.fingerprint import fingerprint
from tasks.validation.parquet import ParquetData, open_parquet
from tasks.validation.report import Check, ValidationReport, empty
from tasks.validation.run import run_suite
from tasks.validation.spec import ValidationSpec
from tasks.validation.suite import Expectation, batch_column, read_suite


class DataSet(Protocol):
    """Rows that can be validated, however they are read."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""
        ...

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def fingerprint(self) -> str:
        """Return a name for exactly these rows, whoever reads them."""
        ...

    def answers(
        self, name: str, lines: Sequence[Expectation], *, examples: int
    ) -> tuple[tuple[Check, ...], str]:
        """Return what came of each line of a suite, and Great Expectations' own page as HTML."""
        ...

    def newest(self, column: str) -> tuple[str, DataSet]:
        """Return the last of the batches that a column names, and its rows.

        Raises InvalidRequest if there is no such column.
        """
        ...


def validated(
    store: ObjectStore, spec: ValidationSpec, data_uri: str, place: str
) -> ValidationReport:
    """Return what the suite finds in Parquet files, as :func:`report_on` does."""
    with tempfile.TemporaryDirectory(prefix="bluewater-") as scratch:
        folder = Path(scratch)
        data = _Files(open_parquet(store, data_uri, folder), folder)
        return report_on(data, store, spec, data_uri, place)


def report_on(
    data: DataSet, store: ObjectStore, spec: ValidationSpec, data_uri: str, place: str
) -> ValidationReport:
    """Return what the suite finds; keep the suite and Data Docs at ``place`` of the store."""
    content = store.read(spec.suite)
    name, lines = read_suite(content, data.columns)
    if not data.rows:
        return empty(name, data_uri)
    checks, page = data.answers(name, lines, examples=spec.examples)
    known = data.fingerprint()
    batch, of_batch, batch_page = _newest(store, spec, data) or ("", (), "")
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


class _Files:
    """Parquet files, and a folder for what is made on the way."""

    def __init__(self, data: ParquetData, folder: Path) -> None:
        self._data, self._folder = data, folder

    @property
    def columns(self) -> Sequence[str]:
        return list(self._data.schema.names)

    @property
    def rows(self) -> int:
        return self._data.rows

    def fingerprint(self) -> str:
        return fingerprint(self._data.schema, self._data.batches())

    def answers(
        self, name: str, lines: Sequence[Expectation], *, examples: int
    ) -> tuple[tuple[Check, ...], str]:
        return run_suite(name, lines, self._data, self._folder, examples=examples)

    def newest(self, column: str) -> tuple[str, DataSet]:
        folder = self._folder / "newest"
        folder.mkdir()
        batch, rows = self._data.newest(column, folder)
        return batch, _Files(rows, folder)


def _newest(
    store: ObjectStore, spec: ValidationSpec, data: DataSet
) -> tuple[str, tuple[Check, ...], str] | None:
    """Return the newest batch, what came of its own suite, and the page of that."""
    if spec.batch_suite is None:
        return None
    content = store.read(spec.batch_suite)
    name, lines = read_suite(content, data.columns)
    batch, rows = data.newest(batch_column(content))
    checks, page = rows.answers(name, lines, examples=spec.examples)
    told = [
        check.model_copy(update={"why": f"newest batch, {batch}: {check.why}"}) for check in checks
    ]
    return batch, tuple(told), page
