"""How the conformance suite moves Vertex AI's model monitoring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.contracts import Window
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.captured_rows import rows_of
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.monitor_schedules import MonitorSchedules
from blocks.testing.waiting import until

_ASK, _OK = "aiplatform:RawPredict", 200


class WatchingLevers:
    """The watching part of the bench."""

    def __init__(self, account: GcpAccount, emulator: Project) -> None:
        self._account, self._emulator = account, emulator
        self._due = datetime.now(UTC)

    def look(self, endpoint: str) -> None:
        """Move time on to the next look, once what was asked is where monitors read it."""
        self._until_quiet(endpoint)
        [schedule] = MonitorSchedules(account=self._account).of(endpoint)
        self._due = schedule.next_run_time
        ahead = self._due.timestamp() - float(self._emulator.pull("now"))
        self._emulator.pull("advance", seconds=max(0.0, ahead))
        until(lambda: self._looked(endpoint))

    def looking(self, endpoint: str) -> Window:
        """Return the window around the last look."""
        return Window(start=self._due - timedelta(minutes=1), end=self._due + timedelta(minutes=1))

    def created(self) -> int:
        """Count the schedules of this owner that were ever made."""
        names = self._emulator.pull("schedules-made")
        return sum(str(name).startswith(self._account.named("")) for name in names)

    def _looked(self, endpoint: str) -> bool:
        [schedule] = MonitorSchedules(account=self._account).of(endpoint)
        return bool(schedule.next_run_time > self._due)

    def _until_quiet(self, endpoint: str) -> None:
        """Wait until all that was answered is where monitors read it."""
        name = self._account.named(endpoint)
        answered = sum(
            each["status"] == _OK and str(each["request"].get("endpoint", "")).endswith(name)
            for each in self._emulator.calls(_ASK)
        )
        folder = rows_of(self._account.root, endpoint).rpartition("/")[0]
        until(lambda: self._rows(folder) >= answered)

    def _rows(self, folder: str) -> int:
        objects = Objects(self._account.storage)
        found = [objects.read(each.uri) for each in objects.below(folder)]
        return sum(each[0].count(b"\n") for each in found if each)
