"""Google Cloud as the conformance suite sees it: an emulated project, and an owner in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from blocks.contracts import Contract, Unsupported
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.batch_levers import BatchLevers
from blocks.providers.gcp.emulator import launch
from blocks.providers.gcp.endpoint_levers import IMAGE, QUICK, EndpointLevers
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.model_levers import ModelLevers
from blocks.providers.gcp.secret_levers import keep_secret
from blocks.providers.gcp.training_levers import TrainingLevers
from blocks.providers.gcp.watching_levers import WatchingLevers
from blocks.registry import implementation
from blocks.testing.levers import Levers
from blocks.testing.uploads import Uploads

C = TypeVar("C", bound=Contract)

_CONFIGURED: Mapping[str, Mapping[str, Any]] = {
    "batch": {"image": IMAGE},
    "endpoints": QUICK,
    "models": {"visible_within": 1.5},
    "monitor": {"settle": 1},
}

TOKEN = "ya29.of-the-release"  # noqa: S105 - by which blocks call; levers have one of their own
GRACE = 2.0  # seconds that a container has after SIGTERM; Compute Engine gives 30
SCALING_PERIOD = 0.5  # seconds between two looks at the load; Vertex AI has 15
_open: list[launch.Project] = []  # the project of the worlds that are open now


class NotEmulated(AssertionError):
    """A world met calls that nothing in it could answer: the emulator has a hole."""


class _Bench(Levers):
    """Levers by capability; each kind of work has a module of its own."""

    def __init__(self, folder: Path, emulator: launch.Project) -> None:
        self.folder, self.emulator = folder, emulator
        self.account = _owner(emulator)
        self.levers_account = with_token(self.account, "ya29.of-the-levers")
        self.levers_account.storage.create_bucket(self.account.bucket)
        uploads = Uploads(Objects(self.levers_account.storage), self.levers_account.root, folder)
        self.training = TrainingLevers(self.levers_account, emulator, uploads)
        self.models = ModelLevers(self.levers_account, emulator, uploads)
        self.endpoints = EndpointLevers(self.levers_account, emulator, uploads)
        kinds = {
            "training": self.training,
            "models": self.models,
            "endpoints": self.endpoints,
            "batch": BatchLevers(self.levers_account, emulator, uploads),
            "watching": WatchingLevers(self.levers_account, emulator),
        }
        super().__init__("gcp", kinds)

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("gcp", contract)
        return cls(account=self.account.model_copy(), **_CONFIGURED.get(contract.capability, {}))

    def zone(self) -> str:
        """Return no zone: Vertex AI chooses one of the region's."""
        return ""

    def running(self) -> Sequence[str]:
        """Return the names of this owner's live containers."""
        mine = self.account.named("")
        names = [each["name"] for each in self.emulator.running()]
        return sorted(name for name in names if mine in name)

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into Secret Manager, or a new value into one that is there."""
        if not value:
            raise Unsupported("Secret Manager keeps no empty value", code="EMPTY")
        keep_secret(self.levers_account, name, value)


@contextmanager
def GcpBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: a project, or, while another world is open, another owner in its project."""
    if _open:
        yield _Bench(folder, _open[-1])
        return
    quick = {"grace": GRACE, "scaling_period": SCALING_PERIOD}
    with launch.project(folder / "gcp", preloaded=True, **quick) as emulator:
        _open.append(emulator)
        try:
            yield _Bench(folder, emulator)
            if unknown := {each["call"] for each in emulator.unknown()}:
                raise NotEmulated(f"calls that the emulator does not know: {sorted(unknown)}")
        finally:
            _open.pop()


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
