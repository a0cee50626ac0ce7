"""The router of endpoints on Kubernetes: it adds replicas by the requests that they have in hand.

https://learn.microsoft.com/azure/machine-learning/how-to-kubernetes-inference-routing-azureml-fe
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from blocks.emulation.recurring import Recurring
from blocks.providers.azure.emulator.deployment_rules import TARGET
from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.online_endpoint import Deployed, OnlineEndpoint, capacity
from blocks.providers.azure.emulator.operations import Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

_LOOKS_EVERY = 0.1  # of the cloud's seconds
_SHRINKS_AFTER = 10  # looks of its own with less to do

Resize = Callable[[OnlineEndpoint, Deployed, int], Any]


class Router:
    """Looks at the deployments that say by how busy they are to be, in a thread of its own."""

    def __init__(
        self, world: World, endpoints: Mapping[str, OnlineEndpoint], resize: Resize
    ) -> None:
        self._world, self._endpoints, self._resize = world, endpoints, resize
        self._next: dict[tuple[str, str], float] = {}  # when each is looked at
        self._idle: dict[tuple[str, str], int] = {}  # looks that found it too large
        self.begin = Recurring(world, self._look, every=_LOOKS_EVERY).begin

    def _look(self) -> None:
        with self._world.lock:
            for endpoint in self._endpoints.values():
                for deployed in endpoint.deployments.values():
                    self._look_at(endpoint, deployed)

    def _look_at(self, endpoint: OnlineEndpoint, deployed: Deployed) -> None:
        settings: Said = deployed.body["properties"].get("scaleSettings") or {}
        key, now = (endpoint.name, deployed.name), self._world.clock.now()
        scaled = str(settings.get("scaleType", "")).lower() == TARGET
        if not scaled or deployed.running is None or now < self._next.get(key, 0.0):
            return
        self._next[key] = now + seconds(settings.get("pollingInterval") or "PT1S")
        size, wanted = capacity(deployed.body), _wanted(deployed, settings)
        self._idle[key] = self._idle.get(key, 0) + 1 if wanted < size else 0
        if wanted == size or 0 < self._idle[key] < _SHRINKS_AFTER:
            return
        try:
            self._resize(endpoint, deployed, wanted)
        except AzureError:
            return  # it is being changed just now: at the next look
        self._idle[key] = 0


def _wanted(deployed: Deployed, settings: Said) -> int:
    """Return how many replicas would be as busy as is wanted with what they have in hand."""
    flying = deployed.running.flying() if deployed.running else 0
    share = int(settings.get("targetUtilizationPercentage") or 70) / 100
    wanted = math.ceil(flying / (deployed.per_instance * share))
    least, most = (int(settings.get(each) or 1) for each in ("minInstances", "maxInstances"))
    return min(most, max(least, wanted))
