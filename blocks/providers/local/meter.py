"""What a process and its children use."""

from __future__ import annotations

import contextlib
import resource
import sys
import time

import psutil

from blocks.providers.local.jobs import Reading
from blocks.providers.local.processes import Identity, identify

_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): ru_maxrss in kilobytes on Linux


class Meter:
    """Adds up CPU time and finds the peak of memory over a tree of processes."""

    def __init__(self, root: int) -> None:
        self._root = psutil.Process(root)
        self._began = time.monotonic()
        self._cpu: dict[Identity, float] = {}
        self._peak = 0

    def sample(self) -> Reading:
        """Look at every process of the tree once."""
        memory = 0
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                self._cpu[identify(process.pid)] = times.user + times.system
                memory += process.memory_info().rss
        self._peak = max(self._peak, memory)
        return self._reading()

    def close(self) -> Reading:
        """Return the sum after the command ended; the kernel knows what samples missed."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._peak = max(self._peak, used.ru_maxrss * _UNIT)
        return self._reading(at_least=used.ru_utime + used.ru_stime)

    def _tree(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return [self._root, *self._root.children(recursive=True)]
        return []

    def _reading(self, *, at_least: float = 0.0) -> Reading:
        return Reading(
            seconds=time.monotonic() - self._began,
            cpu_seconds=max(sum(self._cpu.values()), at_least),
            peak_memory_bytes=self._peak,
        )
