"""A Databricks workspace that the conformance suite can move: emulated, under the real SDK."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from blocks.contracts import Contract, Unsupported
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.batch_levers import IMAGE, BatchLevers
from blocks.providers.databricks.emulator import launch
from blocks.providers.databricks.endpoint_levers import QUICK, EndpointLevers
from blocks.providers.databricks.model_levers import ModelLevers
from blocks.providers.databricks.processing_levers import DatabricksProcessingLevers
from blocks.providers.databricks.secret import keep_secret
from blocks.providers.databricks.training_levers import TrainingLevers
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.watching_levers import WatchingLevers
from blocks.registry import implementation
from blocks.testing.levers import Levers
from blocks.testing.uploads import Uploads

C = TypeVar("C", bound=Contract)

_CONFIGURED: Mapping[str, Mapping[str, Any]] = {
    "batch": {"image": IMAGE},
    "endpoints": QUICK,
    "processing": {"image": IMAGE},
    "monitor": {"settle": 1},
}

KEY, LEVERS = "bluewater-release", "bluewater-levers"  # the service principals that we are
VOLUME = "files"
_open: list[launch.Workspace] = []  # the workspace of the worlds that are open now


class NotEmulated(AssertionError):
    """A world met calls that nothing in it could answer: the emulator has a hole."""


class _Bench(Levers):
    """Levers by capability; each kind of work has a module of its own."""

    def __init__(self, folder: Path, emulator: launch.Workspace) -> None:
        self.folder, self.emulator = folder, emulator
        self.account = _owner(emulator, KEY)
        self.levers_account = self.account.model_copy(update={"client_id": LEVERS})
        self.account.client()  # signs in once for all who connect
        emulator.pull("schema", schema=self.account.schema_name, volume=VOLUME)
        self.uploads = Uploads(Volumes(self.levers_account), self.levers_account.root, folder)
        training = TrainingLevers(self.levers_account, emulator)
        kinds: Mapping[str, Any] = {
            "training": training,
            "processing": DatabricksProcessingLevers(self.levers_account, emulator, training),
            "batch": BatchLevers(self.levers_account, emulator, self.uploads),
            "models": ModelLevers(self.levers_account, emulator, self.uploads),
            "endpoints": EndpointLevers(self.levers_account, emulator, self.uploads),
            "watching": WatchingLevers(self.levers_account, emulator),
        }
        super().__init__("databricks", kinds)

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("databricks", contract)
        return cls(account=self.account.model_copy(), **_CONFIGURED.get(contract.capability, {}))

    def zone(self) -> str:
        """Return no zone: the workspace chooses it."""
        return ""

    def running(self) -> Sequence[str]:
        """Return the names of this owner's live containers."""
        mine = self.account.named("")
        names = [each["name"] for each in self.emulator.running()]
        return sorted(name for name in names if mine in name)

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into the scope."""
        if not value:
            raise Unsupported("a scope keeps no empty value", code="EMPTY")
        keep_secret(self.levers_account, name, value)


@contextmanager
def DatabricksBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - as the class it stands for
    """Open a world: a workspace, or, while one is open, another owner in it."""
    if _open:
        yield _Bench(folder, _open[-1])
        return
    with launch.workspace(folder / "databricks", preloaded=True) as emulator:
        _open.append(emulator)
        try:
            yield _Bench(folder, emulator)
            if unknown := {each["call"] for each in emulator.unknown()}:
                raise NotEmulated(f"calls that the emulator does not know: {sorted(unknown)}")
        finally:
            _open.pop()


def _owner(emulator: launch.Workspace, key: str) -> DatabricksWorkspace:
    number = uuid.uuid4().hex[:12]
    return DatabricksWorkspace(
        host=emulator.url,
        client_id=key,
        client_secret=SecretStr("rehearsal"),
        catalog=launch.CATALOG,
        schema_name=f"s{number}",
        volume=VOLUME,
        scope=launch.SCOPE,
        warehouse=launch.WAREHOUSE,
        owner=f"owner-{number}",
    )
