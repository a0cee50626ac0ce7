"""How the conformance suite has a Databricks workspace look at an endpoint's traffic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq

from blocks.contracts import Window
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.mounted import MountedVolumes
from blocks.providers.databricks.watching import LakehouseMonitors
from blocks.testing.waiting import until

_ASKED = "serving:query"
_MARGIN = timedelta(minutes=1)


class WatchingLevers:
    """The model monitor's part of the bench."""

    def __init__(self, account: DatabricksWorkspace, emulator: Workspace) -> None:
        self._account, self._emulator = account, emulator
        self._monitors = LakehouseMonitors(account=account)
        self._looking: dict[str, Window] = {}

    def look(self, endpoint: str) -> None:
        """Wait for captured requests, and let time pass until the next look is due."""
        schedule = self._monitors.schedule(endpoint)
        if schedule is None:
            raise LookupError(f"nobody watches {endpoint}")
        until(lambda: self._captured(endpoint) >= self._answered(endpoint))
        before = datetime.fromtimestamp(self._emulator.pull("now"), UTC)
        self._emulator.advance(schedule.every.total_seconds())
        window = Window(start=before, end=before + schedule.every + _MARGIN)
        self._looking[endpoint] = window
        until(lambda: bool(self._monitors.looks(endpoint, window)))

    def looking(self, endpoint: str) -> Window:
        """Return a window in which the last look was due."""
        return self._looking[endpoint]

    def created(self) -> int:
        """Count the monitors of this owner that were ever made."""
        mine = f".{self._account.named('')}".replace("-", "_")
        return sum(mine in name for name in self._emulator.pull("monitors-made"))

    def _answered(self, endpoint: str) -> int:
        path = f"/serving-endpoints/{self._account.named(endpoint)}/"
        calls = self._emulator.calls(_ASKED)
        return sum(each["status"] == 200 and path in each["resource"] for each in calls)

    def _captured(self, endpoint: str) -> int:
        """Count captured rows, of requests of one row each."""
        folder = self._emulator.folder / "Volumes"
        mounted = MountedVolumes({"BLUEWATER_VOLUMES": str(folder)}, notes="")
        place = mounted.place(f"{self._account.root}/captures/{endpoint}")
        return sum(pq.read_metadata(file).num_rows for file in place.rglob("*.parquet"))
