"""How the conformance suite moves the endpoints of a Databricks workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databricks.sdk.service.serving import Route, TrafficConfig

from blocks.cloud.serving import Settings
from blocks.contracts import OperationRef, VariantRequest
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import SCOPE, Workspace
from blocks.providers.databricks.endpoint_calls import CONCURRENCY, again, entities
from blocks.providers.databricks.endpoints import DatabricksEndpoints
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads

MACHINE = "CPU"
TOKEN = "served-models"  # noqa: S105 - the key of the secret by which served models call
QUICK: Mapping[str, Any] = {
    "identity": {"DATABRICKS_TOKEN": TOKEN},
    "capture_every": 1.0,
    "ticks_every": 0.2,
}


class EndpointLevers(ByItself):
    """The endpoints part of the bench."""

    def __init__(self, account: DatabricksWorkspace, emulator: Workspace, uploads: Uploads) -> None:
        super().__init__(DatabricksEndpoints(account=account, **QUICK))
        self._account, self._emulator, self._uploads = account, emulator, uploads
        secrets = account.client().secrets
        secrets.put_secret(SCOPE, TOKEN, string_value="of-what-runs-inside")

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        return self._uploads.variant_request(kind, variant, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the servers of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        said = {"endpoint": self._account.named(endpoint), "entity": variant}
        if not self._emulator.pull("kill-servers", **said):
            raise LookupError(f"no server of {ref.id} runs")

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the served entity says."""
        endpoint, _, variant = ref.id.partition("/")
        there = self._account.client().serving_endpoints.get(self._account.named(endpoint))
        entity = next(each for each in entities(there) if each.name == variant)
        settings = Settings.from_environment(entity.environment_vars or {})
        kind = entity.workload_type
        units = entity.min_provisioned_concurrency or 0
        return {
            "endpoint": settings.endpoint,
            "variant": settings.variant,
            "model": settings.model,
            "machine": kind.value if kind is not None else "",
            "min_replicas": 0 if entity.scale_to_zero_enabled else units // CONCURRENCY,
            "serving": settings.serving,
            "capture": settings.capture,
        }

    def created(self) -> int:
        """Count the entities of this owner that were ever begun to be served."""
        mine = self._account.named("")
        made = self._emulator.pull("entities-made")
        return sum(str(name).startswith(mine) for name in made)

    def move_by_hand(self, endpoint: str, variant: str) -> None:
        """Give an entity all traffic past us."""
        client, name = self._account.client().serving_endpoints, self._account.named(endpoint)
        routes = [Route(served_model_name=variant, traffic_percentage=100)]
        client.update_config(
            name=name,
            served_entities=[again(each) for each in entities(client.get(name))],
            traffic_config=TrafficConfig(routes=routes),
        )
