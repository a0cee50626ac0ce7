"""Names of the files of captured requests, which tell the time a file is about, and of columns."""

from __future__ import annotations

from datetime import UTC, datetime

OURS = (
    *("at", "request_id", "row", "variant", "mirrored", "status", "seconds", "user"),
    *("prediction", "answer"),
)


def column_of(name: str) -> str:
    """Return the column that an input has, where ours come first; one without a name has one."""
    if not name:
        return "inputs"
    return f"input.{name}" if name in OURS else name


def name_of(first: float, last: float, suffix: str) -> str:
    """Return a name, without its ending, for requests between two moments since the epoch."""
    return f"{int(first * 1000)}-{int(last * 1000)}.{suffix}"


def span_of(name: str) -> tuple[datetime, datetime]:
    """Return the times of the first and the last request in a file, from its name."""
    first, _, last = name.partition(".")[0].partition("-")
    # names are cut down to the millisecond; the last request may be later by less than one
    return _moment(int(first)), _moment(int(last) + 1)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
