"""An emulated Google Cloud project for rehearsals: the real SDK, real work, and not a cent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from blocks.contracts import TrainingJobs
from blocks.emulation.rehearsing import RECLAIM, EmulatedRehearsal
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator import launch
from blocks.providers.gcp.images import IMAGE as IMAGE_NAMED
from blocks.providers.gcp.permissions import allowed_permissions
from blocks.providers.gcp.secret_levers import keep_secret
from blocks.providers.gcp.training import VertexTraining
from blocks.workspace import HOME

BUCKET, OWNER = "bluewater-rehearsal", "rehearsal"
SERVICE_ACCOUNT = "jobs@rehearsal-project.iam.gserviceaccount.com"
IMAGE = "us-docker.pkg.dev/rehearsal-project/bluewater/bluewater:1"
RELEASE = "ya29.of-the-release"  # the bearer token by which the release calls
SETTING_UP = "ya29.of-the-rehearsal"  # whose calls are those of the rehearsal itself
GRACE = 10.0  # seconds between the notice and the end of a machine; Compute Engine gives 30

_CHANGES = "aiplatform:[CUD]*"  # create, upload, update, deploy, undeploy, delete, cancel
_NOT_PREDICT = "aiplatform:[!PR]*"
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "throttling": {"call": _NOT_PREDICT, "times": 3},
    "unavailable": {"call": _NOT_PREDICT, "times": 2},
    "lost-reply": {"call": _CHANGES, "times": 2},
    "lost-request": {"call": _CHANGES, "times": 2},
    "internal-error-after": {"call": _CHANGES, "times": 2},
    "deadline-exceeded-after": {"call": _CHANGES, "times": 2},
    "stale-read": {"call": "aiplatform:GetCustomJob", "times": 2},
    "conflict": {"call": "aiplatform:UpdateEndpoint", "times": 1},
    "stock-out": {"times": 1},
    "failed-health-check": {"times": 1},
}
"""What each fault strikes in a rehearsal, and how often."""


class GcpRehearsal(EmulatedRehearsal[launch.Project]):
    """A project that lives as long as the rehearsal. ``emulator`` has its levers."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot job is taken away in the middle of its training",
        "throttling": "three calls of Vertex AI, predictions aside, are throttled",
        "unavailable": "two calls find Vertex AI unavailable",
        "lost-reply": "two changes are made, and their replies are lost",
        "lost-request": "two changes never arrive",
        "internal-error-after": "two changes are made, and answered with an internal error",
        "deadline-exceeded-after": "two changes are made, and answered too late",
        "stale-read": "two looks at a job do not find what was just created",
        "conflict": "a change of the endpoint meets another one",
        "stock-out": "a job never gets its machine",
        "failed-health-check": "a container of the endpoint never answers the health route",
    }
    strikes: ClassVar[Mapping[str, Mapping[str, Any]]] = FAULTS
    setting_up: ClassVar[str] = SETTING_UP
    containers: ClassVar[str] = launch.CONTAINERS

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which Google Cloud blocks, and the SDK, find this project."""
        return {
            HOME: str(self._folder / "workspace"),
            "GOOGLE_CLOUD_PROJECT": self.emulator.project,
            "STORAGE_EMULATOR_HOST": self.emulator.url,
            "BLUEWATER_GCP_LOCATION": self.emulator.location,
            "BLUEWATER_GCP_ENDPOINT": self.emulator.endpoint,
            "BLUEWATER_GCP_CA": str(self.emulator.ca_file),
            "BLUEWATER_GCP_TOKEN": RELEASE,
            "BLUEWATER_GCP_BUCKET": BUCKET,
            "BLUEWATER_GCP_SERVICE_ACCOUNT": SERVICE_ACCOUNT,
            "BLUEWATER_OWNER": OWNER,
            IMAGE_NAMED: IMAGE,
        }

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into Secret Manager."""
        keep_secret(self._account, name, value)

    def _permitted(self, policy: Path) -> tuple[str, ...]:
        return allowed_permissions(policy)

    def _begin(self, stack: ExitStack) -> launch.Project:
        settings: dict[str, Any] = {"grace": GRACE}
        project = launch.project(self._folder / "gcp", preloaded=self.preloaded, **settings)
        emulator = stack.enter_context(project)
        self._account = GcpAccount(
            project=emulator.project,
            location=emulator.location,
            access_token=SecretStr(SETTING_UP),
            endpoint=emulator.endpoint,
            ca_file=str(emulator.ca_file),
            storage_endpoint=emulator.url,
            service_account=SERVICE_ACCOUNT,
            bucket=BUCKET,
            owner=OWNER,
        )
        self._account.storage.create_bucket(BUCKET)
        if self._allowed is not None:
            emulator.pull("policy", key=RELEASE, actions=list(self._allowed))
        return emulator

    def _jobs(self) -> TrainingJobs:
        return VertexTraining(account=self._account, image=IMAGE)
