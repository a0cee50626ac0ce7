"""How the conformance suite moves the model monitor of an AWS account."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.contracts import Window
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until

_HOUR = 3600


class WatchingLevers:
    """The watching part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account) -> None:
        self._account, self._emulator = account, emulator
        self._since = 0.0

    def created(self) -> int:
        """Count this owner's schedules that were ever made."""
        mine = self._account.named("")
        calls = self._emulator.calls("sagemaker:CreateMonitoringSchedule")
        names = [
            each["request"]["MonitoringScheduleName"] for each in calls if each["status"] < 400
        ]
        return sum(name.startswith(mine) for name in names)

    def look(self, endpoint: str) -> None:
        """Let the hour end, and wait until the look that is due then is over."""
        self._since = float(self._emulator.pull("now"))
        self._emulator.advance(_HOUR - self._since % _HOUR + 1)
        name = self._account.named(endpoint)
        until(lambda: self._over(name))

    def looking(self, endpoint: str) -> Window:
        """Return the time since that hour's end was waited for."""
        now = float(self._emulator.pull("now"))
        start, end = (datetime.fromtimestamp(each, UTC) for each in (self._since, now))
        return Window(start=start, end=end)

    def _over(self, name: str) -> bool:
        told = self._account.client("sagemaker").list_monitoring_executions(
            MonitoringScheduleName=name,
            ScheduledTimeAfter=datetime.fromtimestamp(self._since, UTC),
        )
        states = [
            each["MonitoringExecutionStatus"] for each in told["MonitoringExecutionSummaries"]
        ]
        return bool(states) and "InProgress" not in states
