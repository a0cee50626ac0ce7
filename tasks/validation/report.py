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


class ValidationReport(Frozen):
    """What validation found in one data set."""

    suite: str
    data: str
    rows: int
    fingerprint: str
    checks: tuple[Check, ...]
    docs_uri: str = ""
    suite_uri: str = ""

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
        listed = "; ".join(_sentence(each) for each in broken)
        super().__init__(f"{report.data}: {len(broken)} checks failed: {listed}")


def _sentence(check: Check) -> str:
    seen = f" (found {check.observed})" if check.observed else ""
    shown = f", e.g. {', '.join(check.examples)}" if check.examples else ""
    count = f" in {check.unexpected} rows" if check.unexpected is not None else ""
    return f"{check.expectation} {check.column}{count}{seen}{shown}".replace("  ", " ")


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
