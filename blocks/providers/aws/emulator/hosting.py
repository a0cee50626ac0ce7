"""Everything of SageMaker that serves: models, configurations, endpoints, scaling, the runtime."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator import queues, runtime
from blocks.providers.aws.emulator.alarms import Alarms
from blocks.providers.aws.emulator.components import Components
from blocks.providers.aws.emulator.endpoint_configs import EndpointConfigs
from blocks.providers.aws.emulator.endpoints import Endpoints
from blocks.providers.aws.emulator.metrics import Metrics
from blocks.providers.aws.emulator.models import Models
from blocks.providers.aws.emulator.scalable import ScalableTargets
from blocks.providers.aws.emulator.scaling import Scaler
from blocks.providers.aws.emulator.world import World


class Hosting:
    """The modules of hosting, which know each other."""

    def __init__(self, world: World) -> None:
        self.models = Models(world)
        self._configs = EndpointConfigs(world, self.models)
        self._targets = ScalableTargets(world)
        alarms = Alarms(world)
        Metrics(world, alarms)
        self.endpoints = Endpoints(world, self.models, self._configs, self._targets, alarms)
        self._scaler = Scaler(world, self.endpoints, self._targets, alarms)
        self._components = Components(world, self.models, self.endpoints)
        self._runtime = runtime.Runtime(world, self.endpoints, self._components, alarms)
        self._queues = queues.Queues(world, self.endpoints, self._runtime)
        self._scaler.backlog = self._queues.backlog

    def handlers(self) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """Return what answers an operation, by its name."""
        return {
            **self.models.handlers(),
            **self._configs.handlers(),
            **self.endpoints.handlers(),
            **self._targets.handlers(),
            **self._components.handlers(),
        }

    def paths(self) -> Mapping[re.Pattern[str], Callable[[Request, re.Match[str]], Response]]:
        """Return the paths that are POSTed to outside the control plane."""
        return {runtime.PATH: self._runtime.invoke, queues.PATH: self._queues.invoke}
