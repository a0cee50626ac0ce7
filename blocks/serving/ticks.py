"""What one replica did in each second, as lines of a file that it alone appends to."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blocks.contracts import ERRING_USERS, VariantTick, asked_in, latency_bucket, user_number
from blocks.serving.answers import prediction_bucket

log = logging.getLogger(__name__)

BUCKETS = 1000  # of predictions or of outcomes in one tick; what is beyond is counted as OTHER
OTHER = "(other)"
FILE_BYTES, FILES = 16 << 20, 4  # of one process; the oldest file goes first
GAP = 60  # idle ticks that are written at once; after a longer sleep of the machine, only these

Key = tuple[int, str, bool]  # tick, variant, mirrored


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    errors: int = 0
    users: set[str] = field(default_factory=set)
    erring: set[str] = field(default_factory=set)
    nameless: int = 0  # requests that name no user; each counts as one
    erring_nameless: int = 0
    latency: Counter[int] = field(default_factory=Counter)
    predictions: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)  # event, when asked

    def add(self, other: _Counts) -> None:
        """Count what another one of the same tick has counted, too."""
        self.requests += other.requests
        self.errors += other.errors
        self.users |= other.users
        self.erring |= other.erring
        self.nameless += other.nameless
        self.erring_nameless += other.erring_nameless
        self.latency += other.latency
        self.predictions += other.predictions
        self.outcomes += other.outcomes
        self.asked += other.asked


class Ticks:
    """Counts in memory, written once their tick is over; ``at_once``, with everything counted."""

    def __init__(
        self, folder: Path, *, variant: str, replica: str, seconds: int, at_once: bool = False
    ) -> None:
        self._at_once = at_once
        self._variant, self._seconds = variant, seconds
        self._file = TickFile(folder, f"{variant}.{replica}")
        self._counts: dict[Key, _Counts] = {}
        self._lock = threading.Lock()  # of the counts; never held while something is written
        self._writing = threading.Lock()
        self._written = self._now()

    def count(
        self, *, seconds: float, error: bool, mirrored: bool, user: str, predictions: Sequence[Any]
    ) -> None:
        """Count one answer in the tick it ended in."""
        with self._lock:
            counts = self._of(self._variant, mirrored)
            counts.requests += 1
            counts.errors += error
            counts.latency[latency_bucket(seconds)] += 1
            if user:
                counts.users.add(user)
                if error:
                    counts.erring.add(user)
            else:
                counts.nameless += 1
                counts.erring_nameless += error
            for prediction in predictions:
                _add(counts.predictions, prediction_bucket(prediction))
        if self._at_once:
            self.flush(whole=False)

    def outcome(self, event: str, *, variant: str, asked: float | None = None) -> None:
        """Count a business event of an earlier request, for the variant that answered it.

        ``asked`` is when the request was, in seconds since 1970, if that is known.
        """
        with self._lock:
            counts = self._of(variant or self._variant, False)
            name = _add(counts.outcomes, event)
            if asked is not None:
                when = name, asked_in(asked)
                if when in counts.asked or len(counts.asked) < BUCKETS:
                    counts.asked[when] += 1
        if self._at_once:
            self.flush(whole=False)

    def flush(self, *, whole: bool = True) -> None:
        """Write the ticks that are over, idle ones too: silence is not death.

        With ``whole`` false, the tick that is not over yet is written as well. What cannot be
        written, on a full disk, is kept for the next time.
        """
        with self._writing:
            self._write(whole=whole)

    def _write(self, *, whole: bool) -> None:
        now = self._now()
        until = now if whole else now + 1
        with self._lock:
            ready = {key: self._counts.pop(key) for key in sorted(self._counts) if key[0] < until}
        idle = {
            (tick, self._variant, False): _Counts()
            for tick in range(max(self._written, until - GAP), until)
        }
        lines = {**idle, **ready}
        if not lines:
            return
        text = "".join(self._line(key, lines[key]) for key in sorted(lines))
        if self._file.append(text.encode()):
            self._written = max(self._written, until)
            return
        with self._lock:
            for key, counts in ready.items():
                self._counts.setdefault(key, _Counts()).add(counts)  # it may have gone on meanwhile

    def _now(self) -> int:
        return int(time.time()) // self._seconds

    def _of(self, variant: str, mirrored: bool) -> _Counts:
        return self._counts.setdefault((self._now(), variant, mirrored), _Counts())

    def _line(self, key: Key, counts: _Counts) -> str:
        tick, variant, mirrored = key
        value = VariantTick(
            variant=variant,
            start=datetime.fromtimestamp(tick * self._seconds, UTC),
            seconds=self._seconds,
            mirrored=mirrored,
            requests=counts.requests,
            errors=counts.errors,
            users=len(counts.users) + counts.nameless,
            erring_users=len(counts.erring) + counts.erring_nameless,
            erring=tuple(sorted(map(user_number, counts.erring))[:ERRING_USERS]),
            latency=dict(counts.latency),
            predictions=dict(counts.predictions),
            outcomes=dict(counts.outcomes),
            asked=_by_event(counts.asked),
        )
        return value.to_json() + "\n"


def _add(counter: Counter[str], name: str) -> str:
    """Count a name, or ``OTHER`` if there are too many; return what was counted."""
    counted = name if name in counter or len(counter) < BUCKETS else OTHER
    counter[counted] += 1
    return counted


def _by_event(asked: Counter[tuple[str, int]]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for (event, at), count in asked.items():
        found.setdefault(event, {})[at] = count
    return found


class TickFile:
    """Whole lines only, and a bounded size.

    A full file is left and the next one begun under a name of its own: a reader that remembers how
    far it has read stays right. The process id is the last part of every name.
    """

    def __init__(self, folder: Path, prefix: str, *, limit: int = FILE_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._prefix, self._number = folder, prefix, 0
        self._limit = limit
        self._failing = False
        self._size = self._cut()

    @property
    def path(self) -> Path:
        """The file that is written to now."""
        number = f"-{self._number}" if self._number else ""
        return self._folder / f"{self._prefix}{number}.{os.getpid()}.jsonl"

    def append(self, content: bytes) -> bool:
        """Add lines, all or none; return whether they are there."""
        if self._size and self._size + len(content) > self._limit:
            self._next()
        try:
            with self.path.open("ab", buffering=0) as file:
                if file.write(content) < len(content):
                    os.truncate(self.path, self._size)
                    raise OSError("the disk is full")
        except OSError as error:
            if not self._failing:
                self._failing = True
                log.warning("ticks cannot be written and are kept: %s", error)
            return False
        self._size += len(content)
        self._failing = False
        return True

    def _cut(self) -> int:
        """Cut off the half line of an earlier process of this id that was killed."""
        if not self.path.exists():
            return 0
        whole = self.path.read_bytes().rfind(b"\n") + 1
        os.truncate(self.path, whole)
        return whole

    def _next(self) -> None:
        self._number += 1
        self._size = 0
        if (oldest := self._number - FILES) >= 0:
            number = f"-{oldest}" if oldest else ""
            gone = self._folder / f"{self._prefix}{number}.{os.getpid()}.jsonl"
            gone.unlink(missing_ok=True)
