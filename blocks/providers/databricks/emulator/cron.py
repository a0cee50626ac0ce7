"""When a Quartz cron expression is due: seconds, minutes, hours and days of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.providers.databricks.emulator.refusals import invalid

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_LONGEST = timedelta(days=8)  # between two times that such an expression is due


def next_due(expression: str, after: float) -> float:
    """Return the first moment after another one. Raises Refused for what is not read here."""
    fields = expression.split()
    if len(fields) not in (6, 7):
        raise invalid(f"Invalid quartz cron expression: {expression}")
    second, minute, hour, day, month, weekday = fields[:6]
    if month != "*" or day not in ("*", "?"):
        raise invalid(f"only hours and days of the week are emulated: {expression}")
    try:
        at, hours = (int(minute), int(second)), _hours(hour)
    except ValueError as error:
        raise invalid(f"Invalid quartz cron expression: {expression}") from error
    begun = datetime.fromtimestamp(after, UTC)
    look = begun.replace(minute=at[0], second=at[1], microsecond=0)
    while look <= begun + _LONGEST:
        fits = look.hour in hours and weekday in ("?", "*", _DAYS[look.weekday()])
        if fits and look > begun:
            return look.timestamp()
        look += timedelta(hours=1)
    raise invalid(f"Invalid quartz cron expression: {expression}")


def _hours(field: str) -> range | tuple[int, ...]:
    if field == "*":
        return range(24)
    start, _, step = field.partition("/")
    return range(int(start or 0), 24, int(step)) if step else (int(start),)
