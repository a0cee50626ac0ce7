"""How the conformance suite moves the endpoints of a Google Cloud project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.cloud.aiplatform_v1.types import Endpoint

from blocks.cloud.serving import Settings
from blocks.contracts import OperationRef, VariantRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.endpoints import VertexEndpoints
from blocks.providers.gcp.machines import from_machine_spec
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads

MACHINE = "n1-standard-2"
IMAGE = "us-central1-docker.pkg.dev/rehearsal-project/bluewater/server:1"
QUICK: Mapping[str, Any] = {
    "image": IMAGE,
    "capture_every": 1.0,
    "cpu_percent": 100,  # what a processor has to do here depends on who else is on the machine
    "requests_a_minute": 120,
}


class EndpointLevers(ByItself):
    """The endpoints part of the bench."""

    def __init__(self, account: GcpAccount, emulator: Project, uploads: Uploads) -> None:
        super().__init__(VertexEndpoints(account=account, **QUICK))
        self._account, self._emulator, self._uploads = account, emulator, uploads

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        return self._uploads.variant_request(kind, variant, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the servers of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        said = {"endpoint": self._account.named(endpoint), "model": variant}
        if not self._emulator.pull("kill-replicas", **said):
            raise LookupError(f"no server of {ref.id} runs")

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the deployed model and its container's environment say."""
        endpoint, _, variant = ref.id.partition("/")
        there = self._there(endpoint)
        deployed = next(each for each in there.deployed_models if each.display_name == variant)
        model = self._account.client(ModelServiceClient).get_model(name=deployed.model)
        env = {each.name: each.value for each in model.container_spec.env}
        settings = Settings.from_environment(env)
        resources = deployed.dedicated_resources
        return {
            "endpoint": settings.endpoint,
            "variant": settings.variant,
            "model": settings.model,
            "machine": from_machine_spec(resources.machine_spec),
            "min_replicas": resources.min_replica_count,
            "max_replicas": resources.max_replica_count,
            "serving": settings.serving,
            "capture": settings.capture,
        }

    def created(self) -> int:
        """Count the deployments of this owner that were ever begun."""
        mine = self._account.named("")
        names = self._emulator.pull("deployments-made")
        return sum(str(name).startswith(mine) for name in names)

    def move_by_hand(self, endpoint: str, variant: str) -> None:
        """Give a variant all traffic past us."""
        there = self._there(endpoint)
        ids = {each.display_name: each.id for each in there.deployed_models}
        moved = Endpoint(
            name=there.name, display_name=there.display_name, traffic_split={ids[variant]: 100}
        )
        self._account.client(EndpointServiceClient).update_endpoint(
            endpoint=moved, update_mask={"paths": ["traffic_split"]}
        )

    def _there(self, endpoint: str) -> Endpoint:
        name = f"{self._account.parent}/endpoints/{self._account.named(endpoint)}"
        return self._account.client(EndpointServiceClient).get_endpoint(name=name)
