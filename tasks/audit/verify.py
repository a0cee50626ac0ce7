"""Whether the audit log is what was written: every line there, unchanged and in its place."""

from __future__ import annotations

from blocks.contracts import Frozen, NotFound
from tasks.audit.entries import FIRST, Line, digest_of
from tasks.audit.log import AuditLog


class Verdict(Frozen):
    """What a look at the whole log found."""

    lines: int
    head: str  # digest of the last line: kept elsewhere, it proves later that none was cut off
    problems: tuple[str, ...]


def verify(log: AuditLog, *, head: str = "") -> Verdict:
    """Read the whole log and check its chain.

    ``head`` is a digest that was told before: without one, lines that were cut off the end, or a
    chain that was written anew from some line on, cannot be told from a shorter or another log.
    """
    problems: list[str] = []
    try:
        numbers = log.numbers()
    except ValueError as error:
        return Verdict(lines=0, head="", problems=(f"something among the lines is none: {error}",))
    previous, seen = FIRST, {FIRST}
    if missing := sorted(set(range(numbers[-1] + 1 if numbers else 0)) - set(numbers)):
        problems.append(f"{len(missing)} lines are gone, the first is number {missing[0]}")
    for number in numbers:
        content = log.content(number)
        if number - 1 in numbers or number == 0:
            problems += _look(number, content, previous)
        previous = digest_of(content)
        seen.add(previous)
    problems += _against(log)
    if head and head not in seen:
        problems.append(f"no line has the digest {head}: lines were changed or cut off since")
    return Verdict(
        lines=len(numbers), head=previous if numbers else FIRST, problems=tuple(problems)
    )


def _against(log: AuditLog) -> list[str]:
    """Compare with the note of where the end was, which the last writer left."""
    note = log.noted()
    if note is None:
        return []
    try:
        content = log.content(note.number)
    except NotFound:
        return [f"line {note.number} was the last one and is gone: the end was cut off"]
    if digest_of(content) != note.digest:
        return [f"line {note.number} was the last one, and is not what was written"]
    return []


def _look(number: int, content: bytes, previous: str) -> list[str]:
    try:
        line = Line.model_validate_json(content)
    except ValueError:
        return [f"line {number} is none: it cannot be read"]
    if line.number != number:
        return [f"line {number} says that it is line {line.number}"]
    if line.previous != previous:
        return [f"line {number} does not follow line {number - 1}, which was changed or replaced"]
    return []
