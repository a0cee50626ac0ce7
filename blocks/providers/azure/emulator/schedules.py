"""Monitoring schedules of the workspace: made, told, listed, and removed."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from blocks.emulation.recurring import Recurring
from blocks.providers.azure.emulator import schema
from blocks.providers.azure.emulator.changes import Changes
from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.monitor_metrics import DRIFT, QUALITY, named
from blocks.providers.azure.emulator.monitor_run import MonitorRun, Watch
from blocks.providers.azure.emulator.operations import ML, Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.tracking import Tracking
from blocks.providers.azure.emulator.world import World

_SCHEDULES = Resource(group="Schedules", path="schedules/{name}")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
_MACHINES = re.compile(r"standard_e(4|8|16|32|64)s_v3", re.IGNORECASE)
_RUNTIMES = ("3.4", "3.5")
_UNITS: Mapping[str, float] = {"minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}
_SIGNALS = {"DataDrift": DRIFT, "DataQuality": QUALITY}
_LOOKS_EVERY = 5.0  # of the cloud's seconds
_TAKES = 0.1  # the same, that a change takes


@dataclass(slots=True, kw_only=True)
class Scheduled:
    """One schedule. Guarded by the world's lock."""

    name: str
    body: Said
    created: float
    next: float  # when the next look is due
    every: float


class Schedules:
    """Keeps schedules, and begins their looks when these are due."""

    def __init__(self, world: World) -> None:
        self._world, self._changes = world, Changes(world)
        self._schedules: dict[str, Scheduled] = {}
        self._tracking = Tracking(world)
        self._made: list[str] = []
        self._recurring = Recurring(world, self._look, every=_LOOKS_EVERY)
        world.levers["schedules-made"] = lambda _: list(self._made)
        world.levers["next-look"] = self._next_look

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _SCHEDULES.put(self.put),
            _SCHEDULES.get(self.get),
            _SCHEDULES.delete(self.delete),
            _SCHEDULES.list(self.list),
            *self._tracking.routes(),
        )

    def put(self, asked: Asked) -> Told:
        """Make a schedule, or change one."""
        name, body, now = asked["name"], asked.body, self._world.clock.now()
        _check(name, body)
        old = self._schedules.get(name)
        trigger = body["properties"]["trigger"]
        every = _UNITS[trigger["frequency"].lower()] * trigger["interval"]
        start = _start(trigger) or now
        while start < now:
            start += every
        scheduled = Scheduled(
            name=name, body=body, created=old.created if old else now, next=start, every=every
        )
        self._schedules[name] = scheduled
        if old is None:
            self._made.append(name)
        self._recurring.begin()
        change = self._changes.begin(lambda: self._world.pause(_TAKES), lambda _: None)
        told = self._told(scheduled)
        return Told(body=told, status=200 if old else 201, headers=self._changes.headers(change))

    def get(self, asked: Asked) -> Said:
        """Tell of a schedule."""
        found = self._schedules.get(asked["name"])
        if found is None:
            raise AzureError("UserError", f"no schedule {asked['name']} was found", 404)
        return self._told(found)

    def list(self, asked: Asked) -> Said:
        """List schedules, some at a time; those that are off only where they are asked for."""
        every = asked.request.args.get("listViewType", "EnabledOnly") == "All"
        told = [self._told(each) for each in self._schedules.values()]
        shown = [each for each in told if every or each["properties"].get("isEnabled", True)]
        return page(shown, asked, self._world.url)

    def delete(self, asked: Asked) -> Told:
        """Remove a schedule; what its looks found stays."""
        if self._schedules.pop(asked["name"], None) is None:
            return Told(status=204)
        change = self._changes.begin(lambda: self._world.pause(_TAKES), lambda _: None)
        return Told(status=202, headers=self._changes.leaving(change))

    def _next_look(self, said: Said) -> str:
        """Let time pass until the next look of a schedule is due; return when that was."""
        with self._world.lock:
            due, clock = self._schedules[said["schedule"]].next, self._world.clock
            clock.advance(max(0.0, due - clock.now()) + _LOOKS_EVERY)
        return self._world.moment(int(due))  # as jobs are named

    def _look(self) -> None:
        for watch in self._due():
            MonitorRun(self._world, self._tracking, watch).begin()

    def _due(self) -> Sequence[Watch]:
        """Return what is to be looked at now. A look that was missed is not made up for."""
        with self._world.lock:
            now, found = self._world.clock.now(), []
            for each in self._schedules.values():
                on = each.body["properties"].get("isEnabled", True)
                if now < each.next:
                    continue
                due = each.next
                while each.next <= now:
                    due, each.next = each.next, each.next + each.every
                if on:
                    definition = each.body["properties"]["action"]["monitorDefinition"]
                    found.append(Watch(schedule=each.name, due=due, definition=definition))
        return found

    def _told(self, scheduled: Scheduled) -> Said:
        properties = {**scheduled.body["properties"], "provisioningState": "Succeeded"}
        return {
            "id": self._world.resource(f"schedules/{scheduled.name}"),
            "name": scheduled.name,
            "type": f"{ML}/schedules",
            "properties": {"isEnabled": True, **properties},
            "systemData": self._world.made(scheduled.created),
        }


def _check(name: str, body: Said) -> None:
    """Raise what the service says to a schedule that cannot be."""
    if not _NAME.fullmatch(name):
        raise AzureError("BadArgument", f"{name} cannot be the name of a schedule.")
    schema.check_request("Schedule", _newer(body))
    action, trigger = body["properties"]["action"], body["properties"]["trigger"]
    if action["actionType"] != "CreateMonitor" or trigger["triggerType"] != "Recurrence":
        raise AzureError("NotImplemented", "emulated are monitors that recur", 501)
    if trigger["frequency"].lower() not in _UNITS or int(trigger["interval"]) < 1:
        raise AzureError("BadArgument", "The recurrence makes no sense.")
    definition = action["monitorDefinition"]
    compute = definition["computeConfiguration"]
    if not _MACHINES.fullmatch(compute["instanceType"]):
        raise AzureError("BadArgument", f"{compute['instanceType']} is no machine of monitors.")
    if compute["runtimeVersion"] not in _RUNTIMES:
        raise AzureError("BadArgument", f"runtimeVersion is one of {_RUNTIMES}.")
    for signal in definition["signals"].values():
        _check_signal(signal)


def _check_signal(signal: Said) -> None:
    known = _SIGNALS.get(signal["signalType"])
    if known is None:
        raise AzureError("NotImplemented", f"{signal['signalType']} is not emulated", 501)
    for each in signal["metricThresholds"]:
        if named(each["metric"]) not in known[each["dataType"]]:
            raise AzureError("NotImplemented", f"{each['metric']} is not emulated", 501)
    production, reference = signal["productionData"], signal["referenceData"]
    if production.get("inputDataType") != "Trailing" or reference.get("inputDataType") != "Fixed":
        raise AzureError("NotImplemented", "emulated are Trailing and Fixed data", 501)
    if reference["jobInputType"] != "mltable":
        raise AzureError("BadArgument", "Reference data of fixed extent is an MLTable.")
    if production["jobInputType"] != "uri_folder" or production["dataContext"] != "model_inputs":
        raise AzureError("BadArgument", "Collected data is a folder of model_inputs.")


def _newer(body: Said) -> Said:
    """Return a body of the version that the SDK writes in the words of that of its models."""
    newer: Said = copy.deepcopy(body)
    definition = ((newer.get("properties") or {}).get("action") or {}).get("monitorDefinition")
    if not isinstance(definition, dict):
        return newer
    alert = definition.pop("alertNotificationSetting", None)
    if alert is not None and alert.get("alertNotificationType") not in ("Email", "AzureMonitor"):
        raise AzureError("BadArgument", "There is no such alertNotificationType.")
    for signal in (definition.get("signals") or {}).values():
        if signal.pop("mode", "Disabled") not in ("Enabled", "Disabled"):
            raise AzureError("BadArgument", "A signal's mode is Enabled or Disabled.")
        for each in (signal.get("productionData"), signal.get("referenceData")):
            if isinstance(each, dict) and each.get("inputDataType") == "Trailing":
                each["inputDataType"] = "Rolling"
    return newer


def _start(trigger: Said) -> float | None:
    """Return the moment of a trigger's first look, in UTC; None if it does not say."""
    told = trigger.get("startTime")
    if not told:
        return None
    return datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()
