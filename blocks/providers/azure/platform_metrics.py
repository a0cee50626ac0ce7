"""Metrics of online endpoints as Azure Monitor counts them: averages of each minute.

Names and dimensions:
https://learn.microsoft.com/azure/machine-learning/monitor-azure-machine-learning-reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from blocks.contracts import InvalidRequest, Sample, Window
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import is_missing
from blocks.providers.azure.endpoint_calls import deployment_name, endpoint_name
from blocks.providers.azure.lookup import READS

PLATFORM = "azure/"  # before the name of a metric
_MACHINES = ("Cpu", "Gpu", "Disk", "Deployment")  # what is told of a deployment alone begins so
_LABELS = {"status": "statusCode", "status_class": "statusCodeClass"}  # ours: what Azure calls it


class PlatformMetrics:
    """Reads them."""

    def __init__(self, account: AzureAccount) -> None:
        self._account = account

    def between(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        """Return a metric's averages, by ``endpoint`` and perhaps ``variant`` and ``status``.

        ``status_class`` is such as ``5xx``. Raises InvalidRequest for labels that say no place.
        """
        known = {"endpoint", "variant", *_LABELS}
        if "endpoint" not in labels or set(labels) - known:
            raise InvalidRequest(
                f"metrics of Azure's own have the labels {', '.join(sorted(known))}, endpoint "
                "always",
                code="LABELS",
            )
        resource, terms = self._place(metric, labels)
        start, end = (_told(each) for each in (window.start, window.end))
        try:
            told = self._account.monitor(attempts=READS).metrics.list(
                resource.removeprefix("/"),
                timespan=f"{start}/{end}",
                interval="PT1M",
                metricnames=metric,
                aggregation="Average",
                filter=" and ".join(terms) or None,
            )
        except Exception as error:
            if is_missing(error):
                return []  # there is no such endpoint, or variant
            raise
        data = [each for value in told.value for series in value.timeseries for each in series.data]
        return [
            Sample(at=each.time_stamp, value=each.average)
            for each in data
            if each.average is not None and window.start <= each.time_stamp < window.end
        ]

    def _place(self, metric: str, labels: Mapping[str, str]) -> tuple[str, list[str]]:
        """Return whose metric it is, and which part of it."""
        endpoint = f"onlineEndpoints/{endpoint_name(self._account, labels['endpoint'])}"
        variant = labels.get("variant")
        if metric.startswith(_MACHINES):
            if variant is None:
                raise InvalidRequest(f"{metric} is of a variant; name it", code="LABELS")
            place = f"{endpoint}/deployments/{deployment_name(variant)}"
            return self._account.resource(place), []
        terms = [f"deployment eq '{deployment_name(variant)}'"] if variant else []
        terms += [f"{_LABELS[key]} eq '{labels[key]}'" for key in _LABELS if key in labels]
        return self._account.resource(endpoint), terms


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
