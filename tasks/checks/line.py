"""A line of a derived suite, as JSON holds it."""

from __future__ import annotations

from typing import Any

ERROR, WARNING = "error", "warning"


def line(
    expectation: str, kwargs: dict[str, Any], *, check: str, why: str, severity: str = ERROR
) -> dict[str, Any]:
    """Return one line of a suite, with the evidence that it comes from."""
    return {
        "type": expectation,
        "kwargs": kwargs,
        "meta": {"severity": severity, "check": check, "why": f"{check}: {why}"},
    }


def query(select: str, rest: str) -> str:
    """Return a query whose only brace is that for the batch, whatever columns are called."""
    before, after = (part.replace("{", "{{").replace("}", "}}") for part in (select, rest))
    return f"{before} from {{batch}} {after}"
