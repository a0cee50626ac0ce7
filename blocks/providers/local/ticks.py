"""Ticks of one endpoint, sealed: merged over its processes once, and never changed again.

Every server process appends its own ticks to a file of its own; the router's are beside them. A
second is sealed when every live process has written it, or two seconds after its end. What comes
later still is added to the next second that is sealed, so no count is lost and none is changed.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from blocks.contracts import Frozen, VariantTick, Window, merge_ticks
from blocks.workload.durable import write_bytes

KEPT = timedelta(days=30)  # of sealed ticks
LATEST = 2  # seconds after its end at which a tick is sealed, whoever is missing

Key = tuple[str, bool]


class _Position(Frozen):
    """How far sealing has come. It is written last, and what goes beyond it does not count."""

    sealed: int = 0  # the newest sealed second since the epoch
    read: Mapping[str, int] = {}  # file of ticks -> bytes taken from it
    written: Mapping[str, int] = {}  # sealed file -> its size


class SealedTicks:
    """The ticks of an endpoint, whose telemetry is below ``folder``."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._sources, self._sealed = folder / "ticks", folder / "sealed"
        self._clock = clock

    def between(self, window: Window) -> Sequence[VariantTick]:
        """Return the sealed ticks that start in the window, oldest first."""
        if not self._sources.is_dir():
            return []
        with self._alone():
            self._seal()
            found = [
                tick
                for file in sorted(self._sealed.glob("*.jsonl"))
                if _hour(window.start) <= file.stem <= _hour(window.end)
                for tick in _parse(file)
                if window.start <= tick.start < window.end
            ]
        return sorted(found, key=lambda tick: (tick.start, tick.variant, tick.mirrored))

    def _seal(self) -> None:
        position = self._position()
        self._forget(position)
        sources = {file: _lines(file, position.read.get(file.name, 0)) for file in self._files()}
        until = self._complete({file: lines for file, (lines, _) in sources.items()})
        if until <= position.sealed:
            return
        merged = dict[tuple[int, Key], list[VariantTick]]()
        read = {file.name: position.read.get(file.name, 0) for file in sources}
        for file, (lines, offsets) in sources.items():
            for tick, end in zip(lines, offsets, strict=True):
                second = _second(tick)
                if second > until:
                    break
                late = max(second, position.sealed + 1)
                merged.setdefault((late, (tick.variant, tick.mirrored)), []).append(tick)
                read[file.name] = end
        ticks = [
            merge_ticks(datetime.fromtimestamp(second, UTC), merged[second, key])
            for second, key in sorted(merged)
        ]
        told = [tick for tick in ticks if tick.requests or tick.outcomes]
        there = {name: size for name, size in position.written.items() if self._has(name)}
        written = self._append(told, there)
        after = _Position(sealed=until, read=read, written=written)
        write_bytes(self._sealed / "position.json", after.model_dump_json().encode())

    def _forget(self, position: _Position) -> None:
        """Remove what nobody needs: all read of a process that is gone, and what is old."""
        for file in self._files():
            if not _lives(file) and position.read.get(file.name) == file.stat().st_size:
                file.unlink()
        oldest = datetime.fromtimestamp(self._clock(), UTC) - KEPT
        for file in self._sealed.glob("*.jsonl"):
            if file.stem < _hour(oldest):
                file.unlink()

    def _has(self, name: str) -> bool:
        return (self._sealed / name).exists()

    def _complete(self, sources: Mapping[Path, Sequence[VariantTick]]) -> int:
        """Return the newest second that may be sealed now."""
        now = int(self._clock())
        newest = [
            max(map(_second, lines), default=0) for file, lines in sources.items() if _lives(file)
        ]
        return max(now - 1 - LATEST, min([*newest, now - 1]) if newest else 0)

    def _append(self, ticks: Sequence[VariantTick], written: dict[str, int]) -> dict[str, int]:
        hours: dict[str, list[VariantTick]] = {}
        for tick in ticks:
            hours.setdefault(_hour(tick.start), []).append(tick)
        for hour, those in hours.items():
            with (self._sealed / f"{hour}.jsonl").open("ab") as file:
                file.write(b"".join(tick.to_json().encode() + b"\n" for tick in those))
                file.flush()
                os.fsync(file.fileno())
                written[f"{hour}.jsonl"] = file.tell()
        return written

    def _position(self) -> _Position:
        """Return how far sealing has come, without what a killed process wrote beyond it."""
        try:
            file = self._sealed / "position.json"
            position = _Position.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            position = _Position()
        for file in self._sealed.glob("*.jsonl"):
            size = position.written.get(file.name, 0)
            if file.stat().st_size > size:
                os.truncate(file, size)
        return position

    def _files(self) -> Iterator[Path]:
        yield from sorted(self._sources.glob("*.jsonl"))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._sealed.mkdir(parents=True, exist_ok=True)
        with (self._sealed / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _lines(file: Path, start: int) -> tuple[list[VariantTick], list[int]]:
    """Return the whole lines from a position on, and where each ends."""
    with file.open("rb") as opened:
        opened.seek(start)
        content = opened.read()
    ticks, ends, end = [], [], start
    for line in content.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break  # it is being written
        end += len(line)
        ticks.append(VariantTick.from_json(line))
        ends.append(end)
    return ticks, ends


def _parse(file: Path) -> Sequence[VariantTick]:
    return _lines(file, 0)[0] if file.exists() else []


def _lives(file: Path) -> bool:
    """Whether the process that writes this file runs; its id is the last part of the name."""
    pid = file.stem.rpartition(".")[2]
    return pid.isdigit() and psutil.pid_exists(int(pid))


def _second(tick: VariantTick) -> int:
    return int(tick.start.timestamp())


def _hour(moment: datetime) -> str:
    """Return the name of an hour; earlier ones come first in the order of names."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H}"
