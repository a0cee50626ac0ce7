"""A job's output with the times at which it was written.

The command writes straight to a file, so that it goes on when its runner dies. The runner looks at
the file and notes, in a second file, how long it was at which time: ``<size> <time>`` by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from blocks.contracts import LogLine
from blocks.providers.local.jobs import JobFolder

_TAIL = 4096  # bytes


class Stamper:
    """Notes the times; used by the runner."""

    def __init__(self, job: JobFolder) -> None:
        self._log, self._stamps, self._seen = job.log, job.stamps, 0

    def look(self) -> None:
        """Note the time if the file has grown."""
        size = self._log.stat().st_size
        if size > self._seen:
            with self._stamps.open("a") as stamps:
                stamps.write(f"{size} {datetime.now(UTC).timestamp()!r}\n")
            self._seen = size


def lines(job: JobFolder, since: datetime | None, *, growing: bool) -> Iterator[LogLine]:
    """Yield the lines written after ``since``; of a growing log, the noted and finished ones."""
    spans = _spans(job.log, job.stamps, growing=growing)
    with job.log.open("rb") as log:
        for begin, end, at in spans:
            if since is None or at > since:
                log.seek(begin)
                for line in log.read(end - begin).splitlines():
                    yield LogLine(at=at, text=line.decode(errors="replace"))


def last_lines(job: JobFolder, count: int = 8) -> str:
    """Return the end of the output, for a message."""
    with job.log.open("rb") as log:
        log.seek(max(0, job.log.stat().st_size - _TAIL))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])


def _spans(log: Path, stamps: Path, *, growing: bool) -> list[tuple[int, int, datetime]]:
    """Return (begin, end, time) of what was written between two looks, cut at line ends."""
    noted = [
        (int(size), datetime.fromtimestamp(float(at), UTC))
        for size, at in (row.split() for row in _rows(stamps))
    ]
    size = log.stat().st_size
    if not growing and (not noted or noted[-1][0] < size):
        noted.append((size, datetime.fromtimestamp(log.stat().st_mtime, UTC)))
    cuts = [0]
    with log.open("rb") as opened:
        for position, (end, _) in enumerate(noted):
            final = not growing and position == len(noted) - 1
            cuts.append(end if final else _line_end(opened, cuts[-1], end))
    return [
        (begin, end, at)
        for (begin, end), (_, at) in zip(pairwise(cuts), noted, strict=True)
        if end > begin
    ]


def _rows(stamps: Path) -> list[str]:
    """Return the finished rows; the last may be half-written."""
    text = stamps.read_text() if stamps.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


def _line_end(log: BinaryIO, begin: int, end: int) -> int:
    """Return where the last whole line between the two ends."""
    log.seek(begin)
    return begin + log.read(end - begin).rfind(b"\n") + 1
