"""Counts of replicas as files: Databricks keeps of a model's log no more than the last lines.

A file lies in the folder of the hour in which it was written, so that a reader looks at few. When
it came is what the volume says of it.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from blocks.cloud.bucket import Bucket
from blocks.cloud.logged_ticks import LoggedTick, to_logged_tick

log = logging.getLogger(__name__)

WAITING = 100_000  # lines; the oldest are given up first
_HOUR = timedelta(hours=1)


class TickFiles(io.StringIO):
    """A stream of lines that become a file every so often."""

    def __init__(
        self,
        bucket: Bucket,
        folder: str,
        *,
        variant: str,
        replica: str,
        every: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._bucket, self._folder, self._every, self._clock = bucket, folder, every, clock
        self._suffix = f"{variant}.{replica}"
        self._lines: list[str] = []
        self._number, self._wrote, self._failing = 0, clock(), False

    def write(self, text: str) -> int:
        """Keep a line."""
        self._lines.append(text)
        del self._lines[:-WAITING]
        return len(text)

    def flush(self) -> None:
        """Write what is kept, if it is time; what cannot be written waits."""
        if self._lines and self._clock() - self._wrote >= self._every:
            self._send()

    def close(self) -> None:
        """Write what is left."""
        if self._lines:
            self._send()
        super().close()

    def _send(self) -> None:
        lines, now = list(self._lines), self._clock()
        name = f"{int(now * 1000)}.{self._suffix}.{self._number}.jsonl"
        self._wrote = now
        try:
            self._bucket.write(f"{_hour(self._folder, now)}/{name}", "".join(lines).encode())
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, it may pass
            if not self._failing:
                log.warning("counts do not get to %s: %s", self._folder, error)
            self._failing = True
            return
        self._failing = False
        self._number += 1
        del self._lines[: len(lines)]


def ticks_kept(bucket: Bucket, folder: str, start: datetime, end: datetime) -> Iterator[LoggedTick]:
    """Yield the counts that were written in a time, each with when it came."""
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        for each in bucket.below(_hour(folder, hour.timestamp())):
            wrote = int(each.name.partition(".")[0]) / 1000
            found = start.timestamp() <= wrote <= end.timestamp() and bucket.read(each.uri)
            for line in found[0].decode().splitlines() if found else ():
                yield to_logged_tick(line, arrived=each.modified.timestamp())
        hour += _HOUR


def _hour(folder: str, moment: float) -> str:
    return f"{folder}/{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H}"
