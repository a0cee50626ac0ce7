"""Autoscale settings of Azure Monitor, for deployments of online endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blocks.providers.azure.emulator import mapped
from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.jobs import page
from blocks.providers.azure.emulator.metrics import OF_DEPLOYMENTS
from blocks.providers.azure.emulator.online_endpoint import Deployed, OnlineEndpoint
from blocks.providers.azure.emulator.operations import Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.world import World

_GROUP = "/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.Insights"
_KIND = "Microsoft.Insights/autoscaleSettings"
_SETTINGS = Resource(
    group="AutoscaleSettings",
    path=f"{_GROUP}/autoscalesettings/{{name}}",
    kind=_KIND,
    service="insights",
)
_DEPLOYMENT = re.compile(r".*/onlineEndpoints/([^/]+)/deployments/([^/]+)", re.IGNORECASE)
_WORDS: Mapping[str, tuple[str, ...]] = {
    "operator": ("GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"),
    "statistic": ("Average", "Min", "Max", "Sum"),
    "timeAggregation": ("Average", "Minimum", "Maximum", "Total", "Last"),
    "direction": ("Increase", "Decrease"),
    "type": ("ChangeCount",),
}
_BETWEEN: Mapping[str, tuple[float, float]] = {  # seconds
    "timeGrain": (60, 43200),
    "timeWindow": (300, 43200),
    "cooldown": (60, 604800),
}
_GPU = "GpuUtilizationPercentage"  # there is none here: such a rule never strikes


@dataclass(slots=True, kw_only=True)
class Setting:
    """How a deployment is scaled. Guarded by the world's lock."""

    name: str
    body: Said
    created: float
    endpoint: str
    deployment: str
    still_until: float = 0.0

    @property
    def profile(self) -> Said:
        """Its only profile."""
        found: Said = self.body["properties"]["profiles"][0]
        return found

    @property
    def bounds(self) -> range:
        """How many instances there may be."""
        capacity = self.profile["capacity"]
        return range(int(capacity["minimum"]), int(capacity["maximum"]) + 1)


class Autoscale:
    """Makes, tells, lists and removes settings."""

    def __init__(self, world: World, endpoints: Mapping[str, OnlineEndpoint]) -> None:
        self._world, self._endpoints = world, endpoints
        self._settings: dict[str, Setting] = {}
        self.begin: Callable[[], None] = lambda: None  # called once something is to be scaled

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _SETTINGS.put(self.put),
            _SETTINGS.get(self.get),
            _SETTINGS.delete(self.delete),
            _SETTINGS.list(self.list),
        )

    def all(self) -> Sequence[tuple[Setting, OnlineEndpoint, Deployed]]:
        """Return the settings that are on and whose deployment is there."""
        found = []
        for each in self._settings.values():
            endpoint = self._endpoints.get(each.endpoint.lower())
            deployed = endpoint.deployments.get(each.deployment) if endpoint else None
            if endpoint and deployed and each.body["properties"].get("enabled"):
                found.append((each, endpoint, deployed))
        return found

    def put(self, asked: Asked) -> Told:
        """Scale a deployment, or scale it otherwise."""
        name, body = asked["name"], asked.body
        mapped.check_request("AutoscaleSettingResource", body)
        target = str(body["properties"].get("targetResourceUri"))
        endpoint, deployment = self._place(target)
        _check(name, body, self._place)
        old = self._settings.get(name)
        for each in self._settings.values():
            if each is not old and (each.endpoint, each.deployment) == (endpoint, deployment):
                told = f"{target} has an autoscale setting: {each.name}."
                raise AzureError("Conflict", told, 409)
        setting = Setting(
            name=name,
            body=body,
            created=old.created if old else self._world.clock.now(),
            endpoint=endpoint,
            deployment=deployment,
        )
        self._settings[name] = setting
        self.begin()
        return Told(body=self._told(setting), status=200 if old else 201)

    def get(self, asked: Asked) -> Said:
        """Tell of a setting."""
        found = self._settings.get(asked["name"])
        if found is None:
            told = f"The Resource 'autoscalesettings/{asked['name']}' was not found."
            raise AzureError("ResourceNotFound", told, 404)
        return self._told(found)

    def list(self, asked: Asked) -> Said:
        """List the settings of the group, some at a time."""
        return page([self._told(each) for each in self._settings.values()], asked, self._world.url)

    def delete(self, asked: Asked) -> Told:
        """Remove a setting."""
        return Told(status=200 if self._settings.pop(asked["name"], None) else 204)

    def _place(self, resource: str) -> tuple[str, str]:
        found = _DEPLOYMENT.fullmatch(resource)
        endpoint = self._endpoints.get(found[1].lower()) if found else None
        if found is None or endpoint is None or found[2] not in endpoint.deployments:
            raise AzureError("ResourceNotFound", f"The Resource {resource} was not found.", 404)
        return endpoint.name, found[2]

    def _told(self, setting: Setting) -> Said:
        place = f"{_GROUP}/autoscalesettings/{setting.name}"
        scope = self._world.resource("").partition("/providers/")[0]
        told = {
            **setting.body,
            "id": scope + "/providers/" + place.partition("/providers/")[2],
            "name": setting.name,
            "type": _KIND,
            "systemData": self._world.made(setting.created),
        }
        mapped.check_answer("AutoscaleSettingResource", told)
        return told


def _check(name: str, body: Said, place: Callable[[str], Any]) -> None:
    """Raise what the service says to a setting that its model allows, but its rules do not."""
    properties = body["properties"]
    if properties.get("name", name) != name or len(body.get("tags") or {}) > 15:
        raise AzureError("BadRequest", "The name of the setting differs, or it has too many tags.")
    if len(properties["profiles"]) != 1:
        raise AzureError("NotImplemented", "emulated is one profile", 501)
    [profile] = properties["profiles"]
    least, usual, most = (
        int(profile["capacity"][each]) for each in ("minimum", "default", "maximum")
    )
    if not 1 <= least <= usual <= most:
        raise AzureError("BadRequest", "minimum, default and maximum are not in this order.")
    if len(profile["rules"]) > 10:
        raise AzureError("BadRequest", "A profile has at most 10 rules.")
    for rule in profile["rules"]:
        _check_rule({**rule["metricTrigger"], **rule["scaleAction"]}, place)


def _check_rule(rule: Said, place: Callable[[str], Any]) -> None:
    for word, known in _WORDS.items():
        if rule[word] not in known:
            raise AzureError("BadRequest", f"{word} {rule[word]!r} is not one of {known}.")
    for word, (least, most) in _BETWEEN.items():
        if not least <= seconds(rule[word]) <= most:
            raise AzureError(
                "BadRequest", f"{word} {rule[word]} must be {least} to {most} seconds."
            )
    if rule["metricName"] not in (*OF_DEPLOYMENTS, _GPU):
        raise AzureError("BadRequest", f"There is no metric {rule['metricName']}.")
    place(rule["metricResourceUri"])
