"""An emulated Databricks workspace for rehearsals: the real SDK, real work, and not a cent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from blocks.contracts import TrainingJobs
from blocks.emulation.rehearsing import RECLAIM, EmulatedRehearsal
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator import launch
from blocks.providers.databricks.endpoints import CAPTURES_EVERY, COUNTS_EVERY
from blocks.providers.databricks.images import IMAGE as IMAGE_NAMED
from blocks.providers.databricks.monitor import SETTLE
from blocks.providers.databricks.permissions import allowed_grants
from blocks.providers.databricks.secret import keep_secret
from blocks.providers.databricks.training import DatabricksTraining
from blocks.workspace import HOME

SCHEMA, VOLUME, OWNER = "bluewater", "files", "rehearsal"
IMAGE = "registry.example.com/bluewater:1"
RELEASE = "of-the-release"  # the service principal that the release is
SETTING_UP = "of-the-rehearsal"  # whose calls are those of the rehearsal itself
WORD = "rehearsal"  # their secret; any will do

_CHANGES = "[js]*:[!eglq]*"  # of runs and endpoints: no get, list, logs, query, no metrics
_ALL = "[js]*:[!q]*"
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "throttling": {"call": _ALL, "times": 3},
    "unavailable": {"call": _ALL, "times": 2},
    "lost-reply": {"call": _CHANGES, "times": 2},
    "lost-request": {"call": _CHANGES, "times": 2},
    "internal-error-after": {"call": _CHANGES, "times": 2},
    "stale-read": {"call": "jobs:get_run", "times": 2},
    "conflict": {"call": "serving:update_config", "times": 1},
    "stock-out": {"times": 1},
    "failed-health-check": {"times": 1},
}
"""What each fault strikes in a rehearsal, and how often."""


class DatabricksRehearsal(EmulatedRehearsal[launch.Workspace]):
    """A workspace that lives as long as the rehearsal. ``emulator`` has its levers."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot run is taken away in the middle of its training",
        "throttling": "three calls of jobs and endpoints, predictions aside, are throttled",
        "unavailable": "two calls find the workspace unavailable",
        "lost-reply": "two changes are made, and their replies are lost",
        "lost-request": "two changes never arrive",
        "internal-error-after": "two changes are made, and answered with an internal error",
        "stale-read": "two looks at a run do not find what was just created",
        "conflict": "an update of the endpoint meets another one",
        "stock-out": "a run never gets its cluster",
        "failed-health-check": "a served model never becomes ready",
    }
    strikes: ClassVar[Mapping[str, Mapping[str, Any]]] = FAULTS
    setting_up: ClassVar[str] = SETTING_UP
    containers: ClassVar[str] = launch.CONTAINERS

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which Databricks blocks, and the SDK, find this workspace."""
        return {
            HOME: str(self._folder / "workspace"),
            "DATABRICKS_HOST": self.emulator.url,
            "DATABRICKS_CLIENT_ID": RELEASE,
            "DATABRICKS_CLIENT_SECRET": WORD,
            "DATABRICKS_WAREHOUSE_ID": launch.WAREHOUSE,
            "BLUEWATER_DATABRICKS_CATALOG": launch.CATALOG,
            "BLUEWATER_DATABRICKS_SCHEMA": SCHEMA,
            "BLUEWATER_DATABRICKS_VOLUME": VOLUME,
            "BLUEWATER_DATABRICKS_SCOPE": launch.SCOPE,
            "BLUEWATER_OWNER": OWNER,
            IMAGE_NAMED: IMAGE,
            # what is counted arrives at once, as nothing waits for a network here
            COUNTS_EVERY: "0.25",
            CAPTURES_EVERY: "2",
            SETTLE: "2",
        }

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into the scope."""
        keep_secret(self._account, name, value)

    def _permitted(self, policy: Path) -> tuple[str, ...]:
        return allowed_grants(policy)

    def _begin(self, stack: ExitStack) -> launch.Workspace:
        workspace = launch.workspace(self._folder / "databricks", preloaded=self.preloaded)
        emulator = stack.enter_context(workspace)
        emulator.pull("schema", schema=SCHEMA, volume=VOLUME)
        self._account = DatabricksWorkspace(
            host=emulator.url,
            client_id=SETTING_UP,
            client_secret=SecretStr(WORD),
            catalog=launch.CATALOG,
            schema_name=SCHEMA,
            volume=VOLUME,
            scope=launch.SCOPE,
            owner=OWNER,
        )
        # by which served models sign in, as the README of deployments says
        self.keep_secret("client-id", launch.CONTAINERS)
        self.keep_secret("client-secret", WORD)
        if self._allowed is not None:
            emulator.pull("policy", key=RELEASE, actions=list(self._allowed))
        return emulator

    def _jobs(self) -> TrainingJobs:
        return DatabricksTraining(account=self._account)
