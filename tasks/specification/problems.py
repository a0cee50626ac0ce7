"""What is wrong with a specification: all of it at once, each with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from blocks.contracts import Frozen

REMEDIES = {
    "extra_forbidden": "remove it, or correct its spelling",
    "missing": "add it",
    "time_delta_parsing": 'write a duration as seconds (90) or ISO 8601 ("PT10M", "PT2H", "P1D")',
    "time_delta_type": 'write a duration as seconds (90) or ISO 8601 ("PT10M", "PT2H", "P1D")',
    "string_pattern_mismatch": "use lower-case letters, digits and dashes, starting with a letter",
}


class Problem(Frozen):
    """One thing that is wrong, where it stands, and what to do about it."""

    field: str
    value: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value}: {self.problem}; {self.remedy}"


class SpecificationRefused(Exception):
    """The specification cannot be carried out as it is; nothing was started.

    ``rest`` is what stays of it without the fields that are wrong, if that still makes one.
    """

    def __init__(self, problems: Sequence[Problem], *, rest: Any = None) -> None:
        self.problems, self.rest = tuple(problems), rest
        super().__init__("\n".join(str(problem) for problem in problems))


def from_validation_error(error: ValidationError) -> list[Problem]:
    """Return one problem for each that pydantic found."""
    return [
        Problem(
            field=".".join(str(part) for part in each["loc"]) or "(the whole)",
            value=shown(each["input"]) if each["type"] != "missing" else "(nothing)",
            problem=each["msg"].removeprefix("Value error, "),
            remedy=REMEDIES.get(each["type"], "correct the value"),
        )
        for each in error.errors(include_url=False)
    ]


def shown(value: Any) -> str:
    """Return a value as a person wrote it, cut to a readable length."""
    text = f"{value.total_seconds():g} s" if isinstance(value, timedelta) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
