"""The schedules that SageMaker's monitor takes: whole hours, in UTC."""

from __future__ import annotations

import re

from blocks.providers.aws.emulator.refusals import AwsError

HOUR = 3600
_CRON = re.compile(r"cron\(0 (\*|\d{1,2})(?:/(\d{1,2}))? \? \* \* \*\)")


def hours_of(expression: str) -> frozenset[int]:
    """Return the hours of the day at which it is due. Raises AwsError for what is not taken."""
    found = _CRON.fullmatch(expression)
    if expression == "NOW":
        raise AwsError("UnknownOperationException", "not emulated: NOW", 501)
    if found is None:
        raise AwsError("ValidationException", f"Invalid schedule expression: {expression}")
    first, step = found.groups()
    if first == "*":
        return frozenset(range(24))
    hours = range(int(first), 24, int(step)) if step else (int(first),)
    if not hours or max(hours) > 23 or (step and not 1 <= int(step) <= 24):
        raise AwsError("ValidationException", f"Invalid schedule expression: {expression}")
    return frozenset(hours)


def due_after(moment: float, hours: frozenset[int]) -> float:
    """Return when it is due next after a moment."""
    due = (int(moment) // HOUR + 1) * HOUR
    while due // HOUR % 24 not in hours:
        due += HOUR
    return float(due)
