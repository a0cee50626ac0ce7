"""Brings what a replica counted and kept to where it outlives the container.

Ticks go to the log, a line each: CloudWatch Logs takes what a container prints. Captured requests
go to S3. Where that fails for a while, files wait here; the oldest are given up first.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from blocks.contracts import VariantTick
from blocks.providers.aws.container import TICK
from blocks.providers.aws.s3 import place_of

log = logging.getLogger(__name__)

EVERY = 0.25  # seconds between two looks
WAITING = 200  # files of captured requests


class Shipping:
    """Two threads that carry things away until the block ends, and once more then."""

    def __init__(self, telemetry: Path, captures: str, *, out: TextIO = sys.stdout) -> None:
        self._ticks, self._captures = telemetry / "ticks", telemetry / "captures"
        self._to, self._out = captures, out
        self._read: dict[Path, int] = {}
        self._s3: Any = boto3.client("s3") if captures else None
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
                    tick = VariantTick.model_validate_json(line)
                    if tick.requests or tick.outcomes:
                        self._out.write(f"{TICK}{tick.model_dump_json(exclude_defaults=True)}\n")
        self._out.flush()

    def upload_captures(self) -> None:
        """Bring the files that are whole to S3, and remove them here."""
        files = sorted(self._captures.glob("*.parquet"))
        for file in files[:-WAITING]:
            file.unlink()
        for file in files[-WAITING:] if self._s3 is not None else []:
            bucket, key = place_of(f"{self._to.rstrip('/')}/{file.name}")
            try:
                self._s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
            except (BotoCoreError, ClientError, OSError) as error:
                if not self._failing:
                    log.warning("captured requests do not get to %s: %s", self._to, error)
                self._failing = True
                return
            self._failing = False
            file.unlink()

    def _repeat(self, carry: Callable[[], None]) -> None:
        while not self._stop.wait(EVERY):
            carry()
