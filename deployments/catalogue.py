"""What each flow's deployment is like, read from ``prefect.yaml`` beside this file."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.objects import ConcurrencyLimitConfig

from blocks.contracts import Frozen

FILE = Path(__file__).with_name("prefect.yaml")


class Schedule(Frozen):
    """When runs are started."""

    cron: str


class Entry(Frozen):
    """One deployment of the file, as far as it is the same for every specification."""

    entrypoint: str  # module path
    description: str
    tags: tuple[str, ...]
    limit: int
    on_collision: str
    schedules: tuple[Schedule, ...] = ()

    @property
    def concurrency(self) -> ConcurrencyLimitConfig:
        """How many runs go at a time, and what becomes of one too many."""
        return ConcurrencyLimitConfig(limit=self.limit, collision_strategy=self.on_collision)

    @property
    def takes_turns(self) -> bool:
        """Whether it waits for all that changes the same endpoint; a rollback must not."""
        return "changes-traffic" in self.tags and self.on_collision == "ENQUEUE"

    @property
    def platform_wide(self) -> bool:
        """Whether it is about all that is on a platform, and not about one specification."""
        return "platform-wide" in self.tags

    def flow(self) -> Any:
        """Import the flow."""
        module, _, name = self.entrypoint.rpartition(".")
        return getattr(import_module(module), name)


def entries() -> Iterator[Entry]:
    """Yield the deployments in the order of the file."""
    for each in yaml.safe_load(FILE.read_text())["deployments"]:
        yield Entry(
            entrypoint=each["entrypoint"],
            description=each["description"],
            tags=tuple(each["tags"]),
            limit=each["concurrency_limit"]["limit"],
            on_collision=each["concurrency_limit"]["collision_strategy"],
            schedules=tuple(Schedule(cron=one["cron"]) for one in each.get("schedules", ())),
        )
