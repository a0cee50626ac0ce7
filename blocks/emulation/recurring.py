"""What an emulated cloud looks at again and again by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

from blocks.emulation.world import EmulatedWorld


class Recurring:
    """Looks every so many of the cloud's seconds, from ``begin`` on until its world closes."""

    def __init__(self, world: EmulatedWorld, look: Callable[[], None], *, every: float) -> None:
        self._world, self._look, self._every = world, look, every
        self._began = False

    def begin(self) -> None:
        """Look in a thread from now on, if that has not begun. Hold the world's lock."""
        if not self._began:
            self._began = True
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        clock = self._world.clock
        while not clock.wait(self._world.closing, until=clock.now() + self._every):
            self._look()
