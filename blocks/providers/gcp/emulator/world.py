"""Everything that one emulated project is made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from werkzeug.wrappers import Request, Response

from blocks.contracts import Frozen
from blocks.emulation.containers import Containers
from blocks.emulation.warm import WarmInterpreter
from blocks.emulation.world import EmulatedWorld
from blocks.providers.gcp.emulator.custom_job import Job
from blocks.providers.gcp.emulator.faults import faults
from blocks.providers.gcp.emulator.log_entries import LogEntries
from blocks.providers.gcp.emulator.long_running import LongRunning
from blocks.providers.gcp.emulator.measurements import Measurements
from blocks.providers.gcp.emulator.objects import Objects
from blocks.providers.gcp.emulator.refusals import not_found

NUMBER = "123456789012"  # of the project; answers name it so, requests may say its id
MOUNT, MOUNTED = "/gcs", "BLUEWATER_GCS"


class Settings(Frozen):
    """What an emulated project is like."""

    project: str = "rehearsal-project"
    location: str = "us-central1"
    speed: float = 1.0  # of its clock
    grace: float = 30.0  # seconds between SIGTERM and SIGKILL, as Compute Engine has it
    provisioning: float = 0.0  # seconds until a machine is there
    scaling_period: float = 15.0  # seconds between two looks at the load of endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """Whose a token is that IAM made, and until when it is good by the cloud's clock."""

    account: str
    until: float


class World(EmulatedWorld):
    """One project: besides what every cloud has, its operations, objects and log entries."""

    def __init__(self, folder: Path, settings: Settings, warm: WarmInterpreter) -> None:
        containers = Containers(MOUNT, MOUNTED, warm)
        super().__init__(folder, faults=faults(), containers=containers, speed=settings.speed)
        self.settings = settings
        self.project, self.location = settings.project, settings.location
        self.endpoint = ""  # of gRPC; known once the server listens
        self.operations = LongRunning(self.clock.now)
        self.objects = Objects()
        self.logs = LogEntries(self.project)
        self.measured = Measurements(self.clock.now)
        self.custom_jobs: dict[str, Job] = {}  # by name, trials of studies among them
        self.find_model: Callable[[str], object] = not_found  # known once models are kept
        self.forwarding_rule: Callable[[], str] = str  # where private endpoints answer
        self.minted: dict[str, Minted] = {}  # by token
        self.fronts: dict[str, Callable[[Request], Response]] = {}  # by the first part of a path
        self._numbers = itertools.count(4_000_000_000_000_000_001)

    @property
    def parent(self) -> str:
        """The name below which everything of Vertex AI is."""
        return f"projects/{NUMBER}/locations/{self.location}"

    def name(self, collection: str) -> str:
        """Return a new resource name, as in ``projects/N/locations/L/customJobs/ID``."""
        with self.lock:
            return f"{self.parent}/{collection}/{next(self._numbers)}"

    def canonical(self, name: str) -> str:
        """Return a resource name that says the project by its number."""
        kind, _, rest = name.partition("/")
        project, slash, below = rest.partition("/")
        mine = kind == "projects" and project == self.project
        return f"projects/{NUMBER}{slash}{below}" if mine else name

    def container_env(self) -> dict[str, str]:
        """Return what every container finds: its project, and how to reach Google as its role."""
        host = self.url.removeprefix("http://")
        return {
            "CLOUD_ML_PROJECT_ID": NUMBER,
            "CLOUD_ML_REGION": self.location,
            "GOOGLE_CLOUD_PROJECT": self.project,
            "GCE_METADATA_HOST": host,
            "GCE_METADATA_IP": host,
            "STORAGE_EMULATOR_HOST": self.url,
            "CLOUDSDK_CONFIG": "/nonexistent",  # else a developer's own login would be taken
            "BLUEWATER_GCP_SECRETS": self.url,
            "BLUEWATER_GCP_LOCATION": self.location,
            "BLUEWATER_GCP_ENDPOINT": self.endpoint,
            "BLUEWATER_GCP_CA": str(self.folder / "ca.pem"),
        }

    def close(self) -> None:
        """End everything that runs."""
        super().close()
        self.objects.end()
