"""How the conformance suite moves the model monitors of a workspace."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from blocks.contracts import Window
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.endpoint_calls import endpoint_mark, endpoint_name
from blocks.providers.azure.jobs import is_over
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.watching_calls import collected, due_of, schedule_name
from blocks.testing.waiting import until


class WatchingLevers:
    """The watching part of the bench."""

    def __init__(self, account: AzureAccount, emulator: Subscription) -> None:
        self._account, self._emulator = account, emulator
        self._last: dict[str, datetime] = {}

    def look(self, endpoint: str) -> None:
        """Wait until all that was asked is collected, let time pass, and wait for the look."""
        name = endpoint_name(self._account, endpoint)
        asked = int(self._emulator.pull("answered", endpoint=name))
        until(lambda: self._collected(endpoint) >= asked)
        schedule = schedule_name(self._account, endpoint)
        due = datetime.fromisoformat(self._emulator.pull("next-look", schedule=schedule))
        until(lambda: due in self._ends(schedule), every=0.1)
        self._last[endpoint] = due

    def looking(self, endpoint: str) -> Window:
        """Return a window in which the last look was due."""
        due = self._last[endpoint]
        return Window(start=due, end=due + timedelta(seconds=1))

    def created(self) -> int:
        """Count the schedules of this owner that were ever made."""
        mine = endpoint_mark(self._account)
        return sum(str(name).startswith(mine) for name in self._emulator.pull("schedules-made"))

    def _collected(self, endpoint: str) -> int:
        """Count the rows that are where monitors read them."""
        objects = Objects(self._account)
        found = [
            objects.read(each.uri)
            for each in objects.below(collected(self._account.root, endpoint))
        ]
        lines = [line for each in found if each for line in each[0].decode().splitlines()]
        return sum(len(json.loads(line)["data"]) for line in lines)

    def _ends(self, schedule: str) -> list[datetime | None]:
        """Return when the looks were due that have ended."""
        jobs = self._account.ml().jobs.list(schedule_defined=True, scheduled_job_name=schedule)
        return [due_of(job) for job in jobs if is_over(job)]
