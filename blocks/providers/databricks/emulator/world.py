"""Everything that one emulated Databricks workspace is made of."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from blocks.contracts import Frozen
from blocks.emulation.containers import Containers
from blocks.emulation.record import Call
from blocks.emulation.warm import WarmInterpreter
from blocks.emulation.world import EmulatedWorld
from blocks.providers.databricks.emulator.faults import faults
from blocks.providers.databricks.emulator.identity import Identity
from blocks.providers.databricks.emulator.launch import CATALOG, SCOPE
from blocks.providers.databricks.emulator.refusals import Refused
from blocks.workload.environments import VOLUMES

DRIVER, DRIVER_FOLDER = "/databricks/driver", "BLUEWATER_DRIVER"
RUNTIME = "17.3"  # of Databricks, as what runs on it is told


class Settings(Frozen):
    """What an emulated workspace is like."""

    speed: float = 1.0  # of its clock
    provisioning: float = 0.0  # seconds until a cluster is there
    updating: float = 0.0  # seconds that the update of an endpoint takes, beside what it starts


class World(EmulatedWorld):
    """One workspace: besides what every cloud has, its files, secrets and who may call."""

    def __init__(self, folder: Path, settings: Settings, warm: WarmInterpreter) -> None:
        super().__init__(
            folder,
            faults=faults(),
            containers=Containers(DRIVER, DRIVER_FOLDER, warm),
            speed=settings.speed,
        )
        self.settings = settings
        self.secrets: dict[str, dict[str, str]] = {SCOPE: {}}
        self.identity = Identity(secrets.token_bytes(32))
        self.volumes, self.drafts = folder / "Volumes", folder / "drafts"
        for each in (self.volumes / CATALOG, folder / "Models", self.drafts):
            each.mkdir(parents=True, exist_ok=True)
        self.levers["schema"] = self._schema

    def allows(self, key: str, action: str) -> bool:
        """Whether whoever has a key may take an action."""
        return any(fnmatchcase(action, each) for each in self.policies.get(key, ("*",)))

    def permit(self, key: str, privilege: str) -> None:
        """See that a privilege is there that a call takes besides its own. Raises Refused."""
        allowed = self.allows(key, privilege)
        call = Call(
            call="privileges:check",
            action=privilege,
            key=key,
            at=time.time(),
            status=200 if allowed else 403,
        )
        self.record.keep(call, unknown=False)
        if not allowed:
            told = f"User '{key}' does not have {privilege}."
            raise Refused("PERMISSION_DENIED", told, 403)

    def place(self, path: str) -> Path:
        """Return where a path below /Volumes or /Models is on this machine's disk."""
        return self.folder / path.lstrip("/")

    def secret(self, scope: str, key: str) -> str | None:
        """Return a secret's value; None if there is none."""
        return self.secrets.get(scope, {}).get(key)

    def resolved(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return variables with the secrets that they name, as ``{{secrets/SCOPE/KEY}}``.

        Raises LookupError, naming the secret that is not there.
        """
        return {name: self._resolved(value) for name, value in env.items()}

    def container_env(self) -> dict[str, str]:
        """Return what everything finds that runs in the workspace."""
        return {VOLUMES: str(self.volumes), "DATABRICKS_RUNTIME_VERSION": RUNTIME}

    def milliseconds(self) -> int:
        """Return this cloud's time as Databricks tells it."""
        return int(self.clock.now() * 1000)

    def _resolved(self, value: str) -> str:
        if not (value.startswith("{{secrets/") and value.endswith("}}")):
            return value
        scope, _, key = value.removeprefix("{{secrets/").removesuffix("}}").partition("/")
        found = self.secret(scope, key)
        if found is None:
            raise LookupError(f"Secret does not exist with scope: {scope} and key: {key}")
        return found

    def _schema(self, said: dict[str, Any]) -> None:
        """Make a schema with a volume in it."""
        (self.volumes / CATALOG / said["schema"] / said["volume"]).mkdir(parents=True)
