"""What one replica counts and keeps: ticks for the verdict, captures for drift, and metrics."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

from blocks.serving.answers import kept
from blocks.serving.captures import Captured, Captures
from blocks.serving.config import ServerConfig
from blocks.serving.metrics import Metrics
from blocks.serving.schema import Rows, Schema
from blocks.serving.ticks import Ticks


class Telemetry:
    """Counts in memory; one thread writes."""

    def __init__(self, config: ServerConfig, schema: Schema) -> None:
        names = {"variant": config.variant, "replica": config.replica}
        told: dict[str, Any] = {"seconds": config.tick_seconds, "at_once": config.at_once, **names}
        self.ticks = Ticks(config.telemetry / "ticks", **told)
        self.captures = Captures(config.telemetry / "captures", schema=schema, **names)
        self.metrics = Metrics(config.variant, config.model.version)
        self._tick, self._every = config.tick_seconds, config.capture_every
        self._sample = config.capture.sample
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._write_ticks, self._write_captures)
            if not (config.at_once and target == self._write_ticks)
        ]

    def start(self) -> None:
        """Begin to write in the background."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Write everything that is left."""
        self._stop.set()
        self.captures.full.set()
        for thread in self._threads:
            thread.join()
        self.ticks.flush(whole=False)
        self.captures.write()

    def answered(
        self,
        *,
        rows: Rows,
        answer: object,
        status: int,
        seconds: float,
        mirrored: bool,
        user: str,
        request_id: str,
        size: int,
    ) -> None:
        """Count and keep what came of a request that the model was asked."""
        found = kept(answer, rows.count)
        self.ticks.count(
            seconds=seconds,
            error=status >= 500,
            mirrored=mirrored,
            user=user,
            predictions=found.counted,
        )
        self.metrics.answered(status=status, seconds=seconds, mirrored=mirrored)
        if self._sampled(request_id):
            captured = Captured(
                at=time.time(),
                request_id=request_id,
                mirrored=mirrored,
                status=status,
                seconds=seconds,
                user=user,
                rows=rows,
                predictions=found.predictions,
                answers=found.answers,
                size=size + sum(len(each or "") for each in found.answers),
            )
            self.captures.keep(captured)

    def _sampled(self, request_id: str) -> bool:
        """Whether to keep this request: the same answer for a request and its copies."""
        return zlib.crc32(request_id.encode()) < self._sample * 2**32

    def _write_ticks(self) -> None:
        while not self._stop.wait(_until_next(self._tick, time.time)):
            self.ticks.flush()

    def _write_captures(self) -> None:
        while not self._stop.is_set():
            self.captures.full.wait(self._every)
            self.captures.write()


def _until_next(tick: int, clock: Callable[[], float]) -> float:
    """Return the seconds until a little after the tick's end."""
    return tick - clock() % tick + 0.02
