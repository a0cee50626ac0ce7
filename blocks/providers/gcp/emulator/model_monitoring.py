"""Vertex AI's model monitoring: monitors, and the schedules that start their jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from blocks.providers.gcp.emulator.model_monitors import ModelMonitors
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.schedules import Schedules
from blocks.providers.gcp.emulator.world import World


class ModelMonitoring:
    """Both services, which know of each other."""

    unlocked: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self._monitors = ModelMonitors(world, world.find_model)
        self._schedules = Schedules(world, self._monitors)

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {**self._monitors.handlers(), **self._schedules.handlers()}
