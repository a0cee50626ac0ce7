"""Everything that one emulated Azure subscription is made of."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blocks.contracts import Frozen
from blocks.emulation.containers import Containers
from blocks.emulation.warm import WarmInterpreter
from blocks.emulation.world import EmulatedWorld
from blocks.providers.azure.emulator.blobs import Blobs
from blocks.providers.azure.emulator.faults import faults
from blocks.providers.azure.emulator.identity import MANAGED, Identity
from blocks.providers.azure.emulator.job import Job
from blocks.providers.azure.emulator.launch import GROUP, STORAGE, SUBSCRIPTION, WORKSPACE
from blocks.providers.azure.emulator.metrics import Metrics

MOUNT, MOUNTED = "/mnt/azureml", "BLUEWATER_AZUREML_MOUNT"
_WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/"
    f"Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
)


class Settings(Frozen):
    """What an emulated subscription is like."""

    speed: float = 1.0  # of its clock
    grace: float = 30.0  # seconds between SIGTERM and SIGKILL of what is cancelled
    provisioning: float = 0.0  # seconds until a machine is there
    minute: float = (
        60.0  # of its seconds that its metrics, and what is scaled by them, take for one
    )


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A compute cluster. Guarded by the world's lock."""

    name: str
    asked: dict[str, Any]  # the body that it was made with
    created: float
    state: str = "Creating"
    code: str = ""  # why it could not be made

    @property
    def low_priority(self) -> bool:
        """Whether its machines can be taken away."""
        settings = self.asked["properties"]["properties"]
        return str(settings.get("vmPriority", "")).lower() == "lowpriority"


class World(EmulatedWorld):
    """One subscription: besides what every cloud has, its blobs and who may call."""

    def __init__(
        self, folder: Path, settings: Settings, warm: WarmInterpreter | None = None
    ) -> None:
        super().__init__(
            folder,
            faults=faults(),
            containers=Containers(MOUNT, MOUNTED, warm),
            speed=settings.speed,
        )
        self.settings = settings
        self.ca = folder / "ca.pem"
        self.identity = Identity(secrets.token_bytes(32))
        self.blobs = Blobs(STORAGE, self.lock)
        self.assets: dict[str, dict[str, Any]] = {}  # models, code, environments: by id, small
        self.clusters: dict[str, Cluster] = {}
        self.metrics = Metrics(self.clock.now, settings.minute)
        self.workspace: dict[str, Any] = {"publicNetworkAccess": "Enabled"}  # of its properties
        self.jobs: dict[str, Job] = {}  # that callers began
        self.begun: dict[str, Job] = {}  # and those that schedules did
        self.mails: list[dict[str, str]] = []  # that were sent
        self.levers["mails"] = lambda _: list(self.mails)
        self.changes: dict[str, Any] = {}  # that go on or went on, by id

    def resource(self, path: str) -> str:
        """Return the id of a thing of the workspace, such as ``jobs/NAME``."""
        return f"{_WORKSPACE}/{path}"

    def moment(self, at: float | None = None) -> str:
        """Return a moment of this cloud's time, by default now, as Azure writes it."""
        return datetime.fromtimestamp(self.clock.now() if at is None else at, UTC).isoformat()

    def pause(self, seconds: float) -> None:
        """Let so many of this cloud's seconds pass."""
        self.clock.wait(self.closing, until=self.clock.now() + seconds)

    def made(self, at: float) -> dict[str, Any]:
        """Return what is told of who made a thing, and when."""
        moment = self.moment(at)
        return {
            "createdAt": moment,
            "createdBy": "rehearsal",
            "createdByType": "Application",
            "lastModifiedAt": moment,
        }

    def container_env(self) -> dict[str, str]:
        """Return what every container finds: how to sign in as the workspace's identity."""
        return {
            "MSI_ENDPOINT": f"{self.url}/msi/token",
            "MSI_SECRET": MANAGED,
            "REQUESTS_CA_BUNDLE": str(self.ca),
            "SSL_CERT_FILE": str(self.ca),
        }
