"""Saved states: whole or absent, verified before use, as often as pays."""

from __future__ import annotations

import errno
import logging
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from blocks.workload.durable import sync_folder
from blocks.workload.interval import UNKNOWN_RATE, UNKNOWN_SAVE, best_interval
from blocks.workload.manifest import NAME, Checkpoint, CorruptCheckpoint, seal, verify
from blocks.workload.places import Place

log = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STEP = re.compile(r"^step-(\d{12})$")
_COPY_TRIES = 3


class Checkpoints:
    """The checkpoints of one run, in a folder, with a verified copy elsewhere if asked."""

    def __init__(
        self,
        folder: Path,
        *,
        copy: Place | None = None,
        keep: int = 3,
        interval: float | None = None,
        interruptions_per_hour: float | None = None,
        noticed: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep ``keep`` checkpoints; save every ``interval`` seconds, or as often as pays."""
        if keep < 1:
            raise ValueError(f"keep {keep} checkpoints: at least 1 is needed to resume")
        self.folder, self.copy, self.keep = folder, copy, keep
        self.metrics: Mapping[str, float] = {}  # saved with the next checkpoint
        self._given = interval
        rate = UNKNOWN_RATE if interruptions_per_hour is None else interruptions_per_hour
        self._between = 3600 / max(rate, 1e-6)
        self._noticed, self._clock = noticed, clock
        self._save_seconds: float | None = None
        self._last, self._saved_on_notice = clock(), False
        self._whole: dict[int, bool] = {}  # what is known of the steps in the folder
        self._damaged_copies: set[int] = set()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def interval(self) -> float:
        """Seconds of work between two saves, by what a save was seen to take."""
        if self._given is not None:
            return self._given
        save = UNKNOWN_SAVE if self._save_seconds is None else self._save_seconds
        return best_interval(max(save, 1e-3), self._between)

    def due(self) -> bool:
        """Whether to save now: the interval is over, or the machine will be taken away."""
        if self._noticed():
            return not self._saved_on_notice
        return self._clock() - self._last >= self.interval

    def latest(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole, here or in the copy; None to start afresh.

        One that is damaged or half-written is skipped with a line in the log.
        """
        self._put_back()
        here, there = set(self._steps()), set(self._copied_steps())
        for step in sorted(here | there, reverse=True):
            if step in here and (found := self._verified(step)):
                return found
            copied = self.copy if step in there else None
            if copied is not None and (found := self._fetched(copied, step)):
                return found
        return None

    @contextmanager
    def saving(self, step: int, *, metrics: Mapping[str, float] | None = None) -> Iterator[Path]:
        """Give a folder to write into; when the block ends, it is the checkpoint of ``step``.

        A full disk costs this checkpoint, not the training: it is logged, the one before stays.
        """
        began, noticed = self._clock(), self._noticed()
        draft = self._draft()
        try:
            self._sweep()
            draft.mkdir()
            yield draft
            seal(draft, step, self.metrics if metrics is None else metrics)
            self._publish(draft, step)
        except Exception as error:
            shutil.rmtree(draft, ignore_errors=True)
            if not _disk_full(error):
                raise
            log.warning("checkpoint of step %d not saved, the disk is full: %s", step, error)
            self._prune(keep=1)
        else:
            if self.copy is not None:
                self._copy_out(self.copy, step)
            self._prune(keep=self.keep)
            self._measure(self._clock() - began)
        finally:
            self._last = self._clock()
            self._saved_on_notice = self._saved_on_notice or noticed

    def _publish(self, draft: Path, step: int) -> None:
        """Give the finished folder its name; a checkpoint of the same step makes way."""
        final, before = self.folder / _name(step), self.folder / f".replaced-{_name(step)}"
        shutil.rmtree(before, ignore_errors=True)
        if final.exists():
            final.rename(before)
        draft.rename(final)
        sync_folder(self.folder)
        shutil.rmtree(before, ignore_errors=True)
        self._whole[step] = True

    def _put_back(self) -> None:
        """Undo what was killed between making way and taking the place."""
        for before in self.folder.glob(".replaced-*"):
            final = self.folder / before.name.removeprefix(".replaced-")
            if final.exists():
                shutil.rmtree(before, ignore_errors=True)
            else:
                before.rename(final)

    def _draft(self) -> Path:
        return self.folder / f".saving-{uuid.uuid4().hex}"

    def _sweep(self) -> None:
        """Remove what saves that never finished left behind."""
        for draft in self.folder.glob(".saving-*"):
            shutil.rmtree(draft, ignore_errors=True)

    def _prune(self, *, keep: int) -> None:
        """Keep the newest that are whole; a damaged one must not push a whole one out."""
        whole = [step for step in sorted(self._steps(), reverse=True) if self._is_whole(step)]
        for step in set(self._steps()).difference(whole[:keep]) if whole else ():
            shutil.rmtree(self.folder / _name(step), ignore_errors=True)
        if self.copy is not None:
            copied = [step for step in self._copied_steps() if step not in self._damaged_copies]
            for step in set(self._copied_steps()).difference(sorted(copied)[-keep:]):
                self.copy.remove(_name(step))

    def _is_whole(self, step: int) -> bool:
        if step not in self._whole:
            self._verified(step)
        return self._whole[step]

    def _copy_out(self, copy: Place, step: int) -> None:
        """Copy to the other place and read every byte back: some mounts stop syncing silently."""
        for attempt in range(1, _COPY_TRIES + 1):
            try:
                copy.put(self.folder / _name(step), _name(step), last=NAME)
                self._read_back(copy, step)
            except (OSError, CorruptCheckpoint) as error:
                log.warning("copy %d of step %d to %s: %s", attempt, step, copy.uri, error)
                self._damaged_copies.add(step)
            else:
                self._damaged_copies.discard(step)
                return

    def _read_back(self, copy: Place, step: int) -> None:
        check = self._draft()
        try:
            copy.get(_name(step), check)
            verify(check)
        finally:
            shutil.rmtree(check, ignore_errors=True)

    def _fetched(self, copy: Place, step: int) -> Checkpoint | None:
        draft = self._draft()
        try:
            copy.get(_name(step), draft)
            verify(draft)
        except (CorruptCheckpoint, OSError) as error:
            log.warning("copy of step %d in %s skipped: %s", step, copy.uri, error)
            self._damaged_copies.add(step)
            shutil.rmtree(draft, ignore_errors=True)
            return None
        self._publish(draft, step)
        return self._verified(step)

    def _verified(self, step: int) -> Checkpoint | None:
        try:
            found = verify(self.folder / _name(step))
        except (CorruptCheckpoint, OSError) as error:
            log.warning("checkpoint skipped: %s", error)
            self._whole[step] = False
            return None
        self._whole[step] = True
        return found

    def _steps(self) -> list[int]:
        return _steps_of([entry.name for entry in self.folder.iterdir()])

    def _copied_steps(self) -> list[int]:
        return _steps_of(list(self.copy.names())) if self.copy is not None else []

    def _measure(self, seconds: float) -> None:
        """Remember how long saves take; a slow one counts at once, a quick one by and by."""
        before = self._save_seconds
        self._save_seconds = seconds if before is None else max(seconds, (before + seconds) / 2)


def _name(step: int) -> str:
    return f"step-{step:012d}"


def _steps_of(names: list[str]) -> list[int]:
    return [int(match[1]) for match in map(_STEP.match, names) if match]


def _disk_full(error: BaseException | None) -> bool:
    """Whether a full disk is at the bottom of it; libraries wrap the system's error in theirs."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
