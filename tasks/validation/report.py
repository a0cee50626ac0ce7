"""What validation found."""

from __future__ import annotations

from blocks.contracts import Frozen


class Check(Frozen):
    """One expectation, and what came of it."""

    expectation: str
    column: str = ""
    severity: str  # error stops a release, warning does not
    passed: bool
    observed: str = ""
    unexpected: int | None = None  # rows that broke it
    examples: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        seen = f" (found {self.observed})" if self.observed else ""
        shown = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        count = f" in {self.unexpected} rows" if self.unexpected is not None else ""
        column = f" {self.column}" if self.column else ""
        why = f": {self.why}" if self.why else ""
        return f"{self.expectation}{column}{count}{seen}{shown}{why}"


class ValidationReport(Frozen):
    """What validation found in one data set."""

    suite: str
    data: str
    rows: int
    fingerprint: str
    checks: tuple[Check, ...]
    docs_uri: str = ""
    suite_uri: str = ""
    batch: str = ""  # the newest one, if it was checked by itself
    batch_docs_uri: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing failed that stops a release."""
        return not any(each.severity == "error" for each in self.failed)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed, warnings included."""
        return tuple(each for each in self.checks if not each.passed)

    def table(self) -> list[dict[str, str]]:
        """Return one row per failed check, for people; all checks where none failed."""
        return [_row(each) for each in self.failed or self.checks]


class DataRejected(Exception):
    """The data broke a check that stops a release; nothing was trained."""

    def __init__(self, report: ValidationReport) -> None:
        self.report = report
        broken = [each for each in report.failed if each.severity == "error"]
        listed = "; ".join(str(each) for each in broken)
        super().__init__(f"{report.data}: {len(broken)} checks failed: {listed}")


def empty(suite: str, data: str) -> ValidationReport:
    """Return the report on data without rows, over which every expectation would hold."""
    rows = Check(
        expectation="data has rows", severity="error", passed=False, observed="0", why="no rows"
    )
    return ValidationReport(suite=suite, data=data, rows=0, fingerprint="", checks=(rows,))


def _row(check: Check) -> dict[str, str]:
    return {
        "check": check.expectation,
        "column": check.column,
        "severity": check.severity,
        "passed": "yes" if check.passed else "no",
        "observed": check.observed,
        "unexpected": "" if check.unexpected is None else str(check.unexpected),
        "examples": ", ".join(check.examples),
        "why": check.why,
    }
