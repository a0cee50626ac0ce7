"""How the conformance suite moves endpoints of Cloud Run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.cloud.run_v2 import RevisionsClient
from pydantic import SecretStr

from blocks.cloud.serving import Settings
from blocks.contracts import OperationRef, VariantRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.run.endpoints import CloudRunEndpoints
from blocks.providers.gcp.run.kept import service_id
from blocks.testing.by_itself import ByItself

IMAGE = "us-central1-docker.pkg.dev/rehearsal-project/bluewater/server:1"
MACHINE = "run-1-2048"


class EndpointLevers(ByItself):
    """The endpoints part of the bench. ``models`` makes requests as other endpoints have them."""

    def __init__(
        self, account: GcpAccount, emulator: Project, models: Callable[..., VariantRequest]
    ) -> None:
        super().__init__(CloudRunEndpoints(account=account, **quick(account)))
        self._account, self._emulator, self._models = account, emulator, models

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        request = self._models(kind=kind, variant=variant)
        return request.model_copy(update={"machine": MACHINE})

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the instances of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        said = {"service": service_id(self._account, endpoint), "container": variant}
        if not self._emulator.pull("run-kill", **said):
            raise LookupError(f"no instance of {ref.id} runs")

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the revision's own container is told."""
        endpoint, _, variant = ref.id.partition("/")
        parent = f"{self._account.parent}/services/{service_id(self._account, endpoint)}"
        revisions = self._account.client(RevisionsClient).list_revisions(parent=parent)
        found = next(each for each in revisions if each.containers[0].name == variant)
        env = {each.name: each.value for each in found.containers[0].env}
        settings = Settings.from_environment(env)
        return {**settings.model_dump(), "min_replicas": found.scaling.min_instance_count}

    def created(self) -> int:
        """Count the revisions of this owner that were ever made."""
        mine = service_id(self._account, "")
        return sum(str(name).startswith(mine) for name in self._emulator.pull("run-made"))


def quick(account: GcpAccount) -> dict[str, Any]:
    """Return what a block of a bench is set to: the word of its account is its identity, too."""
    word = account.access_token.get_secret_value() if account.access_token else ""
    return {"image": IMAGE, "capture_every": 1.0, "id_token": SecretStr(word)}
