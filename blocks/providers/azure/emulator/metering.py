"""Looks at the machines of all deployments all the time, and tells what Azure Monitor knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import psutil

from blocks.emulation.recurring import Recurring
from blocks.providers.azure.emulator import mapped
from blocks.providers.azure.emulator.metrics import (
    OF_DEPLOYMENTS,
    OF_ENDPOINTS,
    UNITS,
    Answer,
)
from blocks.providers.azure.emulator.online_endpoint import OnlineEndpoint
from blocks.providers.azure.emulator.operations import Asked, Route, Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

_LOOKS = 6  # in a minute
_MOST_OFTEN = 0.05  # seconds between two looks, at least
_TERM = re.compile(r"(\w+) eq '([^']*)'")
_ENDPOINT = "onlineEndpoints/{endpoint}"
_DEPLOYMENT = f"{_ENDPOINT}/deployments/{{deployment}}"


class Metering:
    """The metrics of endpoints and deployments."""

    def __init__(self, world: World, endpoints: Mapping[str, OnlineEndpoint]) -> None:
        self._world, self._endpoints = world, endpoints
        self._processes: dict[int, psutil.Process] = {}
        every = max(_MOST_OFTEN, world.metrics.minute / _LOOKS)
        self.begin = Recurring(world, self._look, every=every).begin

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return tuple(
            Route(
                service="insights",
                method="GET",
                path=f"{of}/providers/Microsoft.Insights/metrics",
                operation="Metrics.List",
                action="Microsoft.Insights/metrics/read",
                handler=self.tell,
            )
            for of in (_ENDPOINT, _DEPLOYMENT)
        )

    def tell(self, asked: Asked) -> Said:
        """Tell one metric, minute by minute."""
        endpoint = self._endpoints.get(asked["endpoint"].lower())
        deployment = asked.words.get("deployment", "")
        if endpoint is None or (deployment and deployment not in endpoint.deployments):
            raise AzureError("ResourceNotFound", f"{asked.request.path} was not found.", 404)
        given = asked.request.args
        known = OF_DEPLOYMENTS if deployment else OF_ENDPOINTS
        metric = given.get("metricnames", "")
        _require(given, known)
        wanted = _terms(given.get("$filter", ""), known[metric])
        start, end = _span(given.get("timespan", ""))
        values = self._values(endpoint.name, deployment, metric, (start, end), wanted)
        told = {
            "cost": 0,
            "timespan": given["timespan"],
            "interval": "PT1M",
            "namespace": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
            "resourceregion": "eastus",
            "value": [_told(asked.request.path, metric, values)],
        }
        mapped.check_answer("Response", told)
        return told

    def _values(
        self,
        endpoint: str,
        deployment: str,
        metric: str,
        span: tuple[float, float],
        wanted: Mapping[str, str],
    ) -> list[Said]:
        metrics = self._world.metrics
        # the minute that goes on is not told before it is over
        last = min(metrics.number(span[1]), metrics.number(self._world.clock.now()))
        numbers = range(metrics.number(span[0]), last)

        def which(answer: Answer) -> bool:
            return all(_matches(answer, name, value) for name, value in wanted.items())

        if deployment:
            found = metrics.of_deployment(endpoint, deployment, metric, numbers, which)
        else:
            alone = wanted.get("deployment")
            among = [alone] if alone else metrics.deployments(endpoint)
            found = metrics.of_endpoint(endpoint, among, metric, numbers, which)
        return [
            {"timeStamp": self._world.moment(number * metrics.minute), "average": value}
            for number, value in sorted(found.items())
        ]

    def _look(self) -> None:
        """Note how busy each container's process was since the last look, of one processor."""
        with self._world.lock:
            running = [
                (endpoint.name, deployed.name, pid)
                for endpoint in self._endpoints.values()
                for deployed in endpoint.deployments.values()
                if deployed.running
                for pid in deployed.running.pids()
            ]
        for endpoint, deployment, pid in running:
            try:
                known = self._processes.setdefault(pid, psutil.Process(pid))
                percent = min(100.0, known.cpu_percent())
            except psutil.Error:
                self._processes.pop(pid, None)
                continue
            with self._world.lock:
                self._world.metrics.used(endpoint, deployment, percent)


def _require(given: Mapping[str, str], known: Mapping[str, Any]) -> None:
    if given.get("metricnames") not in known:
        told = f"Failed to find metric configuration; valid metrics: {','.join(sorted(known))}"
        raise AzureError("BadRequest", told)
    if given.get("interval", "PT1M") != "PT1M":
        raise AzureError("BadRequest", "emulated is a time grain of PT1M alone")
    if given.get("aggregation", "average").lower() != "average":
        raise AzureError("BadRequest", "The metric has the aggregation Average alone.")


def _terms(text: str, known: Sequence[str]) -> dict[str, str]:
    terms = [each for each in text.split(" and ") if each]
    found = [_TERM.fullmatch(each) for each in terms]
    if None in found or any(each and each[1] not in known for each in found):
        raise AzureError("BadRequest", f"The filter {text!r} is not valid: it has {known}.")
    return {each[1]: each[2] for each in found if each}


def _matches(answer: Answer, name: str, value: str) -> bool:
    told = {
        "statusCode": str(answer.status),
        "envoy_response_code": str(answer.status),
        "statusCodeClass": f"{answer.status // 100}xx",
        "modelStatusCode": str(answer.model_status),
    }
    return told.get(name, value) == value


def _span(text: str) -> tuple[float, float]:
    try:
        start, end = (datetime.fromisoformat(each) for each in text.split("/"))
    except ValueError as error:
        raise AzureError("BadRequest", f"The timespan {text!r} is not valid.") from error
    if start >= end:
        raise AzureError("BadRequest", "The timespan ends before it starts.")
    return tuple(each.replace(tzinfo=each.tzinfo or UTC).timestamp() for each in (start, end))  # type: ignore[return-value]


def _told(path: str, metric: str, values: list[Said]) -> Said:
    return {
        "id": f"{path}/{metric}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric, "localizedValue": metric},
        "unit": UNITS.get(metric, "MilliSeconds"),
        "timeseries": [{"metadatavalues": [], "data": values}] if values else [],
        "errorCode": "Success",
    }
