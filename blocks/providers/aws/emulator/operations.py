"""Which module answers which operation. A module of operations is one line here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator.feature_groups import FeatureGroups
from blocks.providers.aws.emulator.feature_records import FeatureRecords
from blocks.providers.aws.emulator.hosting import Hosting
from blocks.providers.aws.emulator.monitoring import Monitoring
from blocks.providers.aws.emulator.packages import ModelPackages
from blocks.providers.aws.emulator.price_list import PriceListing
from blocks.providers.aws.emulator.processing import ProcessingJobs
from blocks.providers.aws.emulator.tagging import Tagging
from blocks.providers.aws.emulator.training import TrainingJobs
from blocks.providers.aws.emulator.transform import TransformJobs
from blocks.providers.aws.emulator.world import World

Handler = Callable[[dict[str, Any]], dict[str, Any]]


class Operations(Protocol):
    """Operations of the control plane, by name. They are called under the world's lock."""

    def __init__(self, world: World) -> None: ...

    def handlers(self) -> Mapping[str, Handler]:
        """Return what answers an operation, by its name; requests are checked already."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path that is answered by us. Its handler is called without the world's lock."""

    method: str
    path: re.Pattern[str]
    handler: Callable[[Request, re.Match[str]], Response]


OPERATIONS: tuple[type[Operations], ...] = (
    ModelPackages,
    PriceListing,
    Tagging,
    TrainingJobs,
)


def answering(world: World) -> tuple[dict[str, Handler], list[Route], FeatureRecords]:
    """Return every operation that is emulated, by its name, and what is asked beside them."""
    hosting, jobs, groups = Hosting(world), ProcessingJobs(world), FeatureGroups(world)
    monitoring = Monitoring(world, hosting.endpoints, jobs)
    found: dict[str, Handler] = {}
    transforms = TransformJobs(world, hosting.models)
    own = (hosting, jobs, groups, monitoring, transforms)
    for each in (*(kind(world) for kind in OPERATIONS), *own):
        found.update(each.handlers())
    paths = hosting.paths().items()
    routes = [Route(method="POST", path=path, handler=handler) for path, handler in paths]
    return found, routes, FeatureRecords(world, groups)
