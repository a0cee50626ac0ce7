"""The emulated CloudWatch Logs, as the machines of the cloud write to it from inside."""

from __future__ import annotations

import time
from threading import RLock
from typing import Any

from moto.backends import get_backend


class Logs:
    """Log groups and streams, made as they are written to.

    Lines are stamped with our own time: CloudWatch refuses what lies far in the future, and a
    cloud whose clock was moved on lives there.
    """

    def __init__(self, account: str, region: str, lock: RLock) -> None:
        self._lock = lock
        self._backend: Any = get_backend("logs")[account][region]
        self._streams: set[tuple[str, str]] = set()

    def write(self, group: str, stream: str, line: str) -> None:
        """Write one line."""
        with self._lock:
            if (group, stream) not in self._streams:
                self._make(group, stream)
            event = {"timestamp": int(time.time() * 1000), "message": line}
            self._backend.put_log_events(group, stream, [event])

    def _make(self, group: str, stream: str) -> None:
        if group not in self._backend.groups:
            self._backend.create_log_group(group, {})
        self._backend.create_log_stream(group, stream)
        self._streams.add((group, stream))
