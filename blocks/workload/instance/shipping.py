"""Carries the lines of a command to CloudWatch Logs, in order, a batch at a time."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from typing import Any

# Of PutLogEvents: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_BATCH_BYTES, _BATCH_EVENTS, _OVERHEAD = 1_000_000, 10_000, 26
_LINE_BYTES = 250_000
_EVERY = 1.0  # seconds between batches
_PATIENCE = 30.0  # seconds for the last lines, where CloudWatch does not answer
_KEPT = 100_000  # lines that wait while CloudWatch does not answer
_TAIL = 20  # last lines that are told when a command fails


class Shipper:
    """Takes lines, and ships them from a thread of its own until it is closed."""

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs, self._place = logs, {"logGroupName": group, "logStreamName": stream}
        self._waiting: deque[tuple[int, str]] = deque(maxlen=_KEPT)
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._last = 0
        self._made = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, line: str) -> None:
        """Take a line."""
        with self._lock:
            self._last = max(self._last, int(time.time() * 1000))  # clocks may be set back
            self._waiting.append((self._last, line))
            self._tail.append(line)

    def tail(self) -> str:
        """Return the last lines."""
        with self._lock:
            return "\n".join(self._tail)

    def close(self) -> None:
        """Ship what is left, and stop."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(_EVERY):
            self._ship()
        end = time.monotonic() + _PATIENCE
        while not self._ship() and time.monotonic() < end:
            time.sleep(_EVERY)

    def _ship(self) -> bool:
        """Ship all that waits; return whether nothing is left."""
        while batch := self._batch():
            if not self._shipped(batch):
                return False
        return True

    def _batch(self) -> list[dict[str, Any]]:
        """Return the oldest lines that go into one call; they wait until it is made."""
        batch: list[dict[str, Any]] = []
        size = 0
        with self._lock:
            for at, line in self._waiting:
                content = line.encode()[:_LINE_BYTES].decode(errors="ignore") or " "
                size += len(content.encode()) + _OVERHEAD
                if size > _BATCH_BYTES or len(batch) == _BATCH_EVENTS:
                    break
                batch.append({"timestamp": at, "message": content})
        return batch

    def _shipped(self, batch: list[dict[str, Any]]) -> bool:
        try:
            self._make()
            self._logs.put_log_events(logEvents=batch, **self._place)
        except Exception as error:  # noqa: BLE001 - a log that does not take lines stops no job
            print(f"lines not shipped: {error}", file=sys.stderr)
            return False
        with self._lock:
            for _ in batch:
                self._waiting.popleft()
        return True

    def _make(self) -> None:
        if self._made:
            return
        exists = self._logs.exceptions.ResourceAlreadyExistsException
        for make, names in (
            (self._logs.create_log_group, ("logGroupName",)),
            (self._logs.create_log_stream, ("logGroupName", "logStreamName")),
        ):
            with contextlib.suppress(exists):  # an earlier machine, or another job, made it
                make(**{name: self._place[name] for name in names})
        self._made = True
