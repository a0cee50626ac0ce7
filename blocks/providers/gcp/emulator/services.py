"""Which module answers which method. A module of operations is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from blocks.providers.gcp.emulator.model_monitoring import ModelMonitoring
from blocks.providers.gcp.emulator.prediction_jobs import PredictionJobs
from blocks.providers.gcp.emulator.predictions import Predictions
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.run_services import RunServices
from blocks.providers.gcp.emulator.secrets import Secrets
from blocks.providers.gcp.emulator.time_series import TimeSeriesLists
from blocks.providers.gcp.emulator.training import CustomJobs
from blocks.providers.gcp.emulator.tuning import TuningJobs
from blocks.providers.gcp.emulator.world import World

Handler = Callable[[Any], Answer]


class Operations(Protocol):
    """Methods by name, as in ``JobService.CreateCustomJob``.

    They are called under the world's lock, but for those in ``unlocked``, which may take long.
    """

    unlocked: ClassVar[frozenset[str]]

    def __init__(self, world: World) -> None: ...

    def handlers(self) -> Mapping[str, Handler]:
        """Return what answers a method, by its name; requests are checked already."""
        ...


OPERATIONS: tuple[type[Operations], ...] = (
    CustomJobs,
    TuningJobs,
    Predictions,
    PredictionJobs,
    ModelMonitoring,
    RunServices,
    Secrets,
    TimeSeriesLists,
)


def answering(world: World) -> tuple[dict[str, Handler], frozenset[str]]:
    """Return every method that is emulated, by its name, and those that want no lock."""
    found: dict[str, Handler] = {**world.operations.handlers(), **world.logs.handlers()}
    unlocked = set(found)  # these two have locks of their own
    for each in (kind(world) for kind in OPERATIONS):
        found.update(each.handlers())
        unlocked |= each.unlocked
    return found, frozenset(unlocked)
