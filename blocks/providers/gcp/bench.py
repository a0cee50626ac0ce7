"""Google Cloud as the conformance suite sees it: an emulated project, and an owner in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from blocks.contracts import BatchInference, Unsupported
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.batch import VertexBatch
from blocks.providers.gcp.batch_levers import CUSTOM_JOBS, BatchKind, BatchLevers
from blocks.providers.gcp.emulator import launch
from blocks.providers.gcp.endpoint_levers import IMAGE, QUICK, EndpointLevers
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.model_levers import ModelLevers
from blocks.providers.gcp.secret_levers import keep_secret
from blocks.providers.gcp.training_levers import TrainingLevers
from blocks.providers.gcp.watching_levers import WatchingLevers
from blocks.testing.uploads import Uploads
from blocks.testing.worlds import EmulatedBench, Worlds

TOKEN = "ya29.of-the-release"  # noqa: S105 - by which blocks call; levers have one of their own
GRACE = 10.0  # seconds that a container has after SIGTERM; Compute Engine gives 30
SCALING_PERIOD = 0.5  # seconds between two looks at the load; Vertex AI has 15


class _Bench(EmulatedBench):
    """Levers by capability; each kind of work has a module of its own."""

    configured: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "batch": {"image": IMAGE},
        "endpoints": QUICK,
        "models": {"visible_within": 1.5},
        "monitor": {"settle": 1},
    }

    def __init__(self, folder: Path, emulator: launch.Project) -> None:
        self.folder, self.emulator = folder, emulator
        self.account = _owner(emulator)
        self.levers_account = with_token(self.account, "ya29.of-the-levers")
        self.levers_account.storage.create_bucket(self.account.bucket)
        self._uploads = uploads = Uploads(
            Objects(self.levers_account.storage), self.levers_account.root, folder
        )
        self.training = TrainingLevers(self.levers_account, emulator, uploads)
        self.models = ModelLevers(self.levers_account, emulator, uploads)
        self.endpoints = EndpointLevers(self.levers_account, emulator, uploads)
        kinds = {
            "training": self.training,
            "models": self.models,
            "endpoints": self.endpoints,
            "batch": self.batch_levers(VertexBatch, CUSTOM_JOBS),
            "watching": WatchingLevers(self.levers_account, emulator),
        }
        super().__init__("gcp", kinds)

    def batch_levers(self, jobs: Callable[..., BatchInference], kind: BatchKind) -> BatchLevers:
        """Return levers of the jobs by which a class scores data sets."""
        made = jobs(account=self.levers_account, image=IMAGE)
        return BatchLevers(made, kind, emulator=self.emulator, uploads=self._uploads)

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into Secret Manager, or a new value into one that is there."""
        if not value:
            raise Unsupported("Secret Manager keeps no empty value", code="EMPTY")
        keep_secret(self.levers_account, name, value)


def _cloud(folder: Path) -> AbstractContextManager[launch.Project]:
    return launch.project(
        folder / "gcp", preloaded=True, grace=GRACE, scaling_period=SCALING_PERIOD
    )


GcpBench = Worlds(_cloud, _Bench)
"""Opens a world below a folder."""


def with_token(account: GcpAccount, token: str) -> GcpAccount:
    """Return the same owner under another token, so that a record tells blocks from levers."""
    settings = {name: getattr(account, name) for name in GcpAccount.model_fields}
    return GcpAccount(**{**settings, "access_token": SecretStr(token)})


def _owner(emulator: launch.Project) -> GcpAccount:
    number = uuid.uuid4().hex[:12]
    return GcpAccount(
        project=emulator.project,
        location=emulator.location,
        access_token=SecretStr(TOKEN),
        impersonate="",
        endpoint=emulator.endpoint,
        ca_file=str(emulator.ca_file),
        storage_endpoint=emulator.url,
        service_account="jobs@rehearsal-project.iam.gserviceaccount.com",
        bucket=f"bluewater-{number}",
        prefix="bluewater",
        owner=f"owner-{number}",
        network="",
        network_attachment="",
        kms_key="",
    )
