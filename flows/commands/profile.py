"""``bluewater profile``: derive a suite of checks from data that is fine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from blocks.contracts import InvalidRequest, ObjectStore
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show, to_uri
from tasks.checks import files
from tasks.checks.derive import suite
from tasks.checks.measure import measure
from tasks.validation.parquet import open_parquet


@exits((InvalidRequest, Exit.USAGE))
def run(
    *,
    data: str,
    batch: str,
    suite_file: Path,
    season: int | None,
    platform_name: str | None,
    as_json: bool,
) -> Exit:
    """Derive checks from DATA, whose batches are all fine, and write them for people to read."""
    if suite_file.exists():
        raise click.UsageError(
            f"--suite {suite_file} is there already; `bluewater accept` takes new batches in"
        )
    store = platform(platform_name).connect(ObjectStore)
    with tempfile.TemporaryDirectory(prefix="bluewater-") as scratch:
        found = open_parquet(store, to_uri(data), Path(scratch))
        name = suite_file.stem
        profile = measure(found, Path(scratch), batch=batch, name=name, season=season)
    derived = suite(profile)
    files.write(suite_file, derived, profile)
    rows = [
        {
            "column": ", ".join(filter(None, [line["kwargs"].get("column", "")])),
            "severity": line["meta"]["severity"],
            "evidence": line["meta"]["why"],
        }
        for line in derived["expectations"]
    ]
    title = f"{len(rows)} checks from {len(profile.batches)} batches: {suite_file}"
    show(rows, title=title, as_json=as_json)
    return Exit.OK
