"""``bluewater accept``: check a new batch, and take what is natural about it into the suite."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from blocks.contracts import InvalidRequest, ObjectStore
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show, to_uri
from tasks.checks import files
from tasks.checks.measure import measure
from tasks.checks.profile import merged
from tasks.checks.review import renewed
from tasks.validation.parquet import open_parquet
from tasks.validation.report import Check
from tasks.validation.run import run_suite
from tasks.validation.suite import SuiteRefused, read_suite


@exits((InvalidRequest, Exit.USAGE))
def run(
    *, data: str, suite_file: Path, yes: bool, platform_name: str | None, as_json: bool
) -> Exit:
    """Show what DATA, a new batch, breaks; with --yes, take it as natural."""
    content, before = files.read(suite_file)
    store = platform(platform_name).connect(ObjectStore)
    with tempfile.TemporaryDirectory(prefix="bluewater-") as scratch:
        place = Path(scratch)
        found = open_parquet(store, to_uri(data), place)
        try:
            name, lines = read_suite(suite_file.read_bytes(), found.schema.names)
        except SuiteRefused as error:
            if not yes:
                raise
            _say(f"a column is gone, and its checks with it:\n{error}", as_json)
            lines = []
        checks = run_suite(name, lines, found, place, examples=3)[0] if lines else ()
        seen = measure(found, place, batch=before.batch, name=before.name, known=before)
    failed = [check for check in checks if not check.passed]
    show([_row(check) for check in failed], title=_title(failed, len(checks)), as_json=as_json)
    if yes:
        after = merged(before, seen)
        files.write(suite_file, renewed(content, before, after), after)
        _say(f"accepted: {', '.join(seen.batches)}; {suite_file} has its limits", as_json)
        return Exit.OK
    if failed:
        _say(f"nothing was changed; with --yes, {suite_file} takes all of this as natural", as_json)
    return Exit.DATA if any(check.severity == "error" for check in failed) else Exit.OK


def _row(check: Check) -> dict[str, str]:
    return {
        "column": check.column,
        "severity": check.severity,
        "found": check.observed or ", ".join(check.examples),
        "evidence": check.why,
    }


def _title(failed: list[Check], checks: int) -> str:
    return f"{len(failed)} of {checks} checks fail" if failed else f"All {checks} checks hold"


def _say(text: str, as_json: bool) -> None:
    if not as_json:
        click.echo(text)
