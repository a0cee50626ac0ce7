"""How the conformance suite moves the endpoints of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.cloud.serving import Settings
from blocks.contracts import OperationRef, VariantRequest
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch_levers import IMAGE, MACHINE
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.endpoint_calls import deployment_name, endpoint_mark, endpoint_name
from blocks.providers.azure.endpoints import AzureEndpoints
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads

QUICK: Mapping[str, Any] = {
    "image": IMAGE,
    "capture_every": 1.0,
    "ticks_every": 0.2,
    "collect": True,
    "busy_requests": 240.0,  # a minute: what one caller that never waits surely exceeds
}


class EndpointLevers(ByItself):
    """The endpoints part of the bench."""

    def __init__(
        self,
        account: AzureAccount,
        emulator: Subscription,
        uploads: Uploads,
        *,
        endpoints: AzureEndpoints | None = None,
        machine: str = MACHINE,
    ) -> None:
        super().__init__(endpoints or AzureEndpoints(account=account, **QUICK))
        self._account, self._emulator, self._uploads = account, emulator, uploads
        self._machine = machine

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        return self._uploads.variant_request(kind, variant, machine=self._machine)

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the servers of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        name = endpoint_name(self._account, endpoint)
        said = {"endpoint": name, "deployment": deployment_name(variant)}
        if not self._emulator.pull("kill-replicas", **said):
            raise LookupError(f"no server of {ref.id} runs")

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the deployment and its containers' environment say."""
        endpoint, _, variant = ref.id.partition("/")
        there = self._account.ml().online_deployments.get(
            deployment_name(variant), endpoint_name(self._account, endpoint)
        )
        settings = Settings.from_environment(there.environment_variables)
        return {
            "endpoint": settings.endpoint,
            "variant": settings.variant,
            "model": settings.model,
            "machine": there.instance_type,
            "min_replicas": there.instance_count,
            "serving": settings.serving,
            "capture": settings.capture,
        }

    def created(self) -> int:
        """Count the deployments of this owner that were ever begun."""
        mine = endpoint_mark(self._account)
        names = self._emulator.pull("deployments-made")
        return sum(str(name).startswith(mine) for name in names)

    def move_by_hand(self, endpoint: str, variant: str) -> None:
        """Give a variant all traffic past us."""
        endpoints = self._account.ml().online_endpoints
        there = endpoints.get(endpoint_name(self._account, endpoint))
        there.traffic = {deployment_name(variant): 100}
        endpoints.begin_create_or_update(there).result()

    def scaled(self, endpoint: str) -> Mapping[str, tuple[int, int]]:
        """Return between which bounds deployments are scaled, as Azure tells it."""
        group = self._account.resource_group
        found = self._account.monitor().autoscale_settings.list_by_resource_group(group)
        mine = f"{endpoint_name(self._account, endpoint)}-"
        capacities = {
            each.name.removeprefix(mine): each.profiles[0].capacity
            for each in found
            if each.name.startswith(mine)
        }
        return {name: (int(it.minimum), int(it.maximum)) for name, it in capacities.items()}
