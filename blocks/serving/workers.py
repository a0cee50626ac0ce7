"""The threads that ask the model, which answer the requests that wait together in one call.

A model takes about as long for sixteen rows as for one, so what waits while a thread is busy is
merged when it is free. Nothing waits for the sake of merging. A merged call must give what single
calls give: the first ones are checked, one that differs ends merging for good, and one that raises
pauses it, so that an error is not hidden by asking again.

Always threads, never inline: a hop costs 0.05 to 0.07 ms, and a slow model must not hold up /live.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from blocks.serving.answers import listed, split
from blocks.serving.columns import Array
from blocks.serving.schema import Rows

log = logging.getLogger(__name__)

THREADS = 2
MERGED_ROWS = 1024  # a HistGradientBoosting takes 15 ms for one row, 19 ms for 1,600
CHECKED = 3  # merged calls that are compared with single ones
PAUSE = 10.0  # seconds without merging after a merged call that raised

Parameters = Mapping[str, Any] | None
Ask = Callable[[Mapping[str, Array], Parameters], Any]


@dataclass(slots=True, eq=False)
class Work:
    """One request in the hands of the threads."""

    rows: Rows
    parameters: Parameters
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class Workers:
    """Threads around one model."""

    def __init__(self, ask: Ask, *, merge: bool, threads: int = THREADS) -> None:
        self._ask, self._merge, self._threads = ask, merge, threads
        self._waiting: deque[Work] = deque()
        self._changed = threading.Condition()
        self._to_check, self._paused_until = CHECKED, 0.0
        self.unfinished = 0  # requests that wait or are being answered; of the event loop's thread

    def start(self) -> None:
        """Start the threads. They are daemons: a call that hangs does not keep the process."""
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"model-{number}", daemon=True).start()

    def submit(self, rows: Rows, parameters: Parameters = None) -> Work:
        """Queue a request; its ``future`` gets the answer."""
        loop = asyncio.get_running_loop()
        work = Work(rows, parameters, loop.create_future(), loop)
        self.unfinished += 1
        with self._changed:
            self._waiting.append(work)
            self._changed.notify()
        return work

    def abandon(self, work: Work) -> None:
        """Forget a request if nobody has begun it; one that is being answered is finished."""
        work.future.cancel()
        with self._changed:
            if work in self._waiting:
                self._waiting.remove(work)
                self.unfinished -= 1

    def _work(self) -> None:
        if "OMP_NUM_THREADS" not in os.environ:
            # threads of numerical libraries that wait for each other spin: they doubled the CPU
            # time of a small request; for each thread of ours, as OpenMP keeps it
            threadpool_limits(1)
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                group = self._group()
            answers = self._answers(group)
            group[0].loop.call_soon_threadsafe(self._deliver, group, answers)

    def _group(self) -> list[Work]:
        """Take the request that has waited longest, and those that can go with it."""
        first = self._waiting.popleft()
        group, rows = [first], first.rows.count
        if not self._merge or time.monotonic() < self._paused_until or first.parameters:
            return group
        key = first.rows.key
        while self._waiting and rows + self._waiting[0].rows.count <= MERGED_ROWS:
            if self._waiting[0].parameters or self._waiting[0].rows.key != key:
                break
            group.append(self._waiting.popleft())
            rows += group[-1].rows.count
        return group

    def _answers(self, group: Sequence[Work]) -> list[Any]:
        """Return an answer, or the exception, for each request."""
        merged = self._merged([work.rows for work in group]) if len(group) > 1 else None
        if merged is not None and self._to_check <= 0:
            return merged
        alone = [self._alone(work) for work in group]
        if merged is not None and not any(isinstance(answer, Exception) for answer in alone):
            self._to_check -= 1
            if not all(_same(one, other) for one, other in zip(merged, alone, strict=True)):
                log.warning("the model answers rows differently together; it gets them alone")
                self._merge = False
        return alone

    def _merged(self, group: Sequence[Rows]) -> list[Any] | None:
        columns = {
            name: np.concatenate([rows.columns[name] for rows in group])
            for name in group[0].columns
        }
        try:
            parts = split(listed(self._ask(columns, None)), [rows.count for rows in group])
        except Exception:  # noqa: BLE001 - any model, any error; each request is asked again alone
            log.warning("a merged call failed; for %g s, requests are asked one by one", PAUSE)
            self._paused_until = time.monotonic() + PAUSE
            return None
        if parts is None:
            log.warning("the model does not answer row by row; it gets requests one by one")
            self._merge = False
        return parts

    def _alone(self, work: Work) -> Any:
        try:
            return listed(self._ask(work.rows.columns, work.parameters))
        except Exception as error:  # noqa: BLE001 - any model, any error; it goes to the caller
            return error

    def _deliver(self, group: Sequence[Work], answers: Sequence[Any]) -> None:
        self.unfinished -= len(group)
        for work, answer in zip(group, answers, strict=True):
            if work.future.done():
                continue  # its caller has gone
            if isinstance(answer, Exception):
                work.future.set_exception(answer)
            else:
                work.future.set_result(answer)


def _same(one: Any, other: Any) -> bool:
    """Whether two answers are equal, but for the last digits of numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        close = math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-8)
        return close or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
