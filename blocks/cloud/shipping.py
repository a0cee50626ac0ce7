"""Brings what a replica counted and kept to where it outlives the container.

Ticks go to the log, a line each: the cloud takes what a container prints. Captured requests go to
a bucket. Where that fails for a while, files wait here; the oldest are given up first.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from blocks.cloud.bucket import Bucket
from blocks.cloud.logged_ticks import TICK
from blocks.contracts import VariantTick

log = logging.getLogger(__name__)

EVERY = 0.25  # seconds between two looks
WAITING = 200  # files of captured requests


class Lines(Protocol):
    """Takes lines of text, like standard output."""

    def write(self, text: str, /) -> object:
        """Take a line, with its end."""
        ...

    def flush(self) -> object:
        """Pass on what was taken."""
        ...


class Shipping:
    """Two threads that carry things away until the block ends, and once more then.

    Captured requests go to the folder ``captures`` of the bucket; nowhere if it is empty.
    """

    def __init__(
        self, telemetry: Path, bucket: Bucket | None, captures: str, *, out: Lines = sys.stdout
    ) -> None:
        self._ticks, self._captures = telemetry / "ticks", telemetry / "captures"
        self._to, self._out = captures, out
        self._read: dict[Path, int] = {}
        self._bucket = bucket if captures else None
        self._failing = False
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(carry,), daemon=True)
            for carry in (self.print_ticks, self.upload_captures)
        ]

    def __enter__(self) -> Shipping:
        """Begin to carry."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Carry what is left."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.print_ticks()
        self.upload_captures()

    def print_ticks(self) -> None:
        """Print the ticks that are new; idle ones cost money there and tell nothing."""
        for file in sorted(self._ticks.glob("*.jsonl")):
            with file.open("rb") as opened:
                opened.seek(self._read.get(file, 0))
                for line in opened:
                    if not line.endswith(b"\n"):
                        break  # it is being written
                    self._read[file] = self._read.get(file, 0) + len(line)
                    tick = VariantTick.from_json(line)
                    if tick.requests or tick.outcomes:
                        self._out.write(f"{TICK}{tick.to_json(exclude_defaults=True)}\n")
        self._out.flush()

    def upload_captures(self) -> None:
        """Bring the files that are whole to the bucket, and remove them here."""
        files = sorted(self._captures.glob("*.parquet"))
        for file in files[:-WAITING]:
            file.unlink()
        if self._bucket is None:
            return
        for file in files[-WAITING:]:
            try:
                self._bucket.write(f"{self._to.rstrip('/')}/{file.name}", file.read_bytes())
            except Exception as error:  # noqa: BLE001 - whatever the SDK raises, it may pass
                if not self._failing:
                    log.warning("captured requests do not get to %s: %s", self._to, error)
                self._failing = True
                return
            self._failing = False
            file.unlink()

    def _repeat(self, carry: Callable[[], None]) -> None:
        while not self._stop.wait(EVERY):
            carry()
