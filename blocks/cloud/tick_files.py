"""Ticks as small objects in a bucket, where a cloud's log is too slow or forgets.

Each is written once and never changed, and the bucket says when: that is when its lines arrived.
They lie in a folder for each hour, so that a window is found without a look at all the others.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from blocks.cloud.bucket import Bucket, Found
from blocks.cloud.logged_ticks import SLACK, LoggedTick, to_logged_tick
from blocks.contracts import Window

log = logging.getLogger(__name__)

_HOUR = timedelta(hours=1)
_HELD = 2000  # lines that wait where the bucket cannot be reached; the oldest are given up first
_KNOWN = 50_000  # objects whose content a reader remembers
_READERS = 16  # at once


class TickWriter:
    """Writes the lines of one replica, some at a time."""

    def __init__(self, bucket: Bucket, folder: str, replica: str, *, every: float) -> None:
        self._bucket, self._folder, self._replica = bucket, folder, replica
        self._every, self._last = every, -math.inf
        self._lines: list[str] = []
        self._sending: tuple[str, bytes] | None = None  # what may have got there, or not
        self._failing = False

    def write(self, text: str) -> None:
        """Take a line, with its end."""
        self._lines.append(text)
        del self._lines[:-_HELD]

    def flush(self) -> None:
        """Write what was taken, unless it was done a moment ago; what fails is kept."""
        if time.monotonic() - self._last >= self._every:
            self.close()

    def close(self) -> None:
        """Write what was taken."""
        while self._sending or self._lines:
            uri, content = self._sending = self._sending or self._next()
            try:
                self._bucket.swap(uri, content, etag=None)  # once: a reply may have been lost
            except Exception as error:  # noqa: BLE001 - whatever the SDK raises, it may pass
                if not self._failing:
                    log.warning("ticks do not get to %s: %s", self._folder, error)
                self._failing = True
                return
            self._sending, self._failing, self._last = None, False, time.monotonic()

    def _next(self) -> tuple[str, bytes]:
        now, content = datetime.now(UTC), "".join(self._lines).encode()
        self._lines.clear()
        name = f"{int(now.timestamp() * 1000)}-{self._replica}.jsonl"
        return f"{_folder(self._folder, now)}/{name}", content


class TickReader:
    """Reads the ticks below one folder; remembers what it has read, since nothing changes."""

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket, self._folder = bucket, folder
        self._known: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def between(self, window: Window, *, late: timedelta) -> Iterator[LoggedTick]:
        """Yield the lines that may count for a window: those that came up to so much after it."""
        found = list(self._found(window.start - SLACK, window.end + late))
        with ThreadPoolExecutor(_READERS) as readers:
            contents = list(readers.map(self._lines, found))
        for each, lines in zip(found, contents, strict=True):
            arrived = each.modified.timestamp()
            for line in lines:
                yield to_logged_tick(line, arrived=arrived)

    def _found(self, start: datetime, end: datetime) -> Iterator[Found]:
        hour = start.replace(minute=0, second=0, microsecond=0)
        after = str(
            int((start - SLACK).timestamp() * 1000)
        )  # replicas' clocks are not the bucket's
        while hour <= end:
            below = self._bucket.below(_folder(self._folder, hour), after=after)
            yield from (each for each in below if start <= each.modified <= end)
            hour += _HOUR

    def _lines(self, found: Found) -> list[str]:
        known = self._known.get(found.uri)
        if known is not None:
            return known
        content = self._bucket.read(found.uri)
        lines = content[0].decode().splitlines() if content else []
        with self._lock:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[found.uri] = lines
        return lines


def _folder(folder: str, moment: datetime) -> str:
    return f"{folder}/{moment.astimezone(UTC):%Y%m%d%H}"
