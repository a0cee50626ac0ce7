"""What one replica counts and keeps: ticks for the verdict, captured requests for drift."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import PREDICTION_BUCKETS, VariantTick, latency_bucket
from blocks.serving.config import ServerConfig

log = logging.getLogger(__name__)

WAITING = 20_000  # captured requests kept in memory at most; more are dropped, and counted
Key = tuple[int, bool]


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    errors: int = 0
    users: set[str] = field(default_factory=set)
    erring: set[str] = field(default_factory=set)
    latency: Counter[int] = field(default_factory=Counter)
    predictions: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One answered request."""

    at: float
    request_id: str
    mirrored: bool
    status: int
    seconds: float
    user: str
    rows: pd.DataFrame
    predictions: Sequence[Any]


def prediction_bucket(value: Any) -> str:
    """Return the bucket of a prediction: a score in 0..1 by its hundredth, a label by itself.

    Other numbers fall into buckets of a tenth of a decade, with their sign.
    """
    if isinstance(value, bool | str):
        return str(value)
    number = float(value)
    if 0 <= number <= 1:
        return str(min(int(number * PREDICTION_BUCKETS), PREDICTION_BUCKETS - 1))
    return f"{number:.1e}"


class Telemetry:
    """Counts in memory, written once a tick is over; a file per process, appended whole lines."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._counts: dict[Key, _Counts] = {}
        self._lock = threading.Lock()
        self._captured: deque[Captured] = deque()
        self.dropped = 0
        self._written = int(time.time()) // config.tick_seconds
        name = f"{config.variant}.{config.replica}.{os.getpid()}"
        self._ticks = _folder(config.telemetry, "ticks") / f"{name}.jsonl"
        self._captures = _folder(config.telemetry, "captures")
        self._flushed = time.time()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begin to write in the background."""
        self._thread.start()

    def close(self) -> None:
        """Write everything that is left."""
        self._stop.set()
        self._thread.join()
        self._write_ticks(until=int(time.time()) // self._config.tick_seconds + 1)
        self._write_captures()

    def count(
        self,
        *,
        seconds: float,
        error: bool,
        mirrored: bool,
        user: str,
        predictions: Sequence[Any] = (),
    ) -> None:
        """Count one answer in the tick it ended in."""
        tick = int(time.time()) // self._config.tick_seconds
        with self._lock:
            counts = self._counts.setdefault((tick, mirrored), _Counts())
            counts.requests += 1
            counts.errors += error
            counts.latency[latency_bucket(seconds)] += 1
            if user:
                counts.users.add(user)
                if error:
                    counts.erring.add(user)
            counts.predictions.update(map(prediction_bucket, predictions))

    def outcome(self, event: str) -> None:
        """Count a business event of an earlier request."""
        tick = int(time.time()) // self._config.tick_seconds
        with self._lock:
            self._counts.setdefault((tick, False), _Counts()).outcomes[event] += 1

    def keep(self, captured: Captured) -> None:
        """Keep a request for the next file; when too many wait, it is dropped and counted."""
        if len(self._captured) >= WAITING:
            self.dropped += 1
        else:
            self._captured.append(captured)

    def _run(self) -> None:
        while not self._stop.wait(self._config.tick_seconds / 4):
            self._write_ticks(until=int(time.time()) // self._config.tick_seconds)
            if time.time() - self._flushed >= self._config.capture_every:
                self._write_captures()

    def _write_ticks(self, *, until: int) -> None:
        """Write every tick before ``until``; an idle one too, so that silence is not death."""
        with self._lock:
            ready = {key: self._counts.pop(key) for key in sorted(self._counts) if key[0] < until}
        for tick in range(self._written, until):
            ready.setdefault((tick, False), _Counts())
        self._written = max(self._written, until)
        if ready:
            lines = (self._line(key, ready[key]) for key in sorted(ready))
            with self._ticks.open("a") as file:
                file.write("".join(lines))

    def _line(self, key: Key, counts: _Counts) -> str:
        tick, mirrored = key
        value = VariantTick(
            variant=self._config.variant,
            start=datetime.fromtimestamp(tick * self._config.tick_seconds, UTC),
            seconds=self._config.tick_seconds,
            mirrored=mirrored,
            requests=counts.requests,
            errors=counts.errors,
            users=len(counts.users),
            erring_users=len(counts.erring),
            latency=dict(counts.latency),
            predictions=dict(counts.predictions),
            outcomes=dict(counts.outcomes),
        )
        return json.dumps(value.model_dump(mode="json")) + "\n"

    def _write_captures(self) -> None:
        self._flushed = time.time()
        kept = [self._captured.popleft() for _ in range(len(self._captured))]
        if not kept:
            return
        first, last = int(kept[0].at * 1000), int(kept[-1].at * 1000)
        name = f"{first}-{last}.{self._config.variant}.{self._config.replica}.{os.getpid()}"
        draft = self._captures / f".{name}"
        try:
            pq.write_table(self._table(kept), draft, compression="zstd")
            draft.rename(self._captures / f"{name}.parquet")
        except (OSError, pa.ArrowException) as error:
            self.dropped += len(kept)
            log.warning("%d captured requests are lost: %s", len(kept), error)

    def _table(self, kept: Sequence[Captured]) -> pa.Table:
        frames = pd.concat([each.rows for each in kept], ignore_index=True)
        sizes = [len(each.rows) for each in kept]
        spread = [each for each, size in zip(kept, sizes, strict=True) for _ in range(size)]
        columns: dict[str, Any] = {
            "at": pa.array([int(each.at * 1e6) for each in spread], pa.timestamp("us", "UTC")),
            "request_id": [each.request_id for each in spread],
            "row": [row for size in sizes for row in range(size)],
            "variant": [self._config.variant] * len(spread),
            "mirrored": [each.mirrored for each in spread],
            "status": [each.status for each in spread],
            "seconds": [each.seconds for each in spread],
            "user": [each.user for each in spread],
        }
        inputs = {name: pa.Array.from_pandas(frames[name]) for name in frames.columns}
        predictions = [value for each in kept for value in each.predictions]
        return pa.table({**columns, **inputs, "prediction": predictions})


def _folder(*parts: Any) -> Path:
    path = Path(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path
