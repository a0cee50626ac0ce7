"""What is the same in the world of every emulated cloud."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blocks.emulation.clock import Clock
from blocks.emulation.containers import Containers
from blocks.emulation.faults import Faults
from blocks.emulation.record import Record

_AT_MOST = 30.0  # seconds for the end of what runs beside


class EmulatedWorld:
    """The clock, faults, record, containers, policies and levers of one emulated account.

    ``lock`` guards all that is kept in memory. Hold it shortly; never while waiting for a
    container. A cloud adds what it has besides.
    """

    def __init__(
        self, folder: Path, *, faults: Faults, containers: Containers, speed: float = 1.0
    ) -> None:
        self.folder = folder
        self.url = ""  # known once the server listens
        self.lock = threading.RLock()
        self.clock = Clock(speed=speed)
        self.faults, self.record, self.containers = faults, Record(), containers
        containers.now = self.clock.now
        self.policies: dict[str, tuple[str, ...]] = {}  # actions by key; without a word, all
        self.levers: dict[str, Callable[[dict[str, Any]], Any]] = {}  # of the control API
        self.closing = threading.Event()
        self._beside: list[threading.Thread] = []

    def beside(self, work: Callable[[], None], name: str) -> None:
        """Begin what comes to its own end before the world is closed; ``closing`` asks it to."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._beside = [each for each in self._beside if each.is_alive()] + [thread]
        thread.start()

    def close(self) -> None:
        """End everything that runs."""
        self.closing.set()
        self.containers.end()
        for each in self._beside:
            each.join(_AT_MOST)
