"""Metrics of endpoints as Cloud Monitoring counts them: one value for each minute.

Names and labels: https://cloud.google.com/monitoring/api/metrics_gcp
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.monitoring_v3.types import (
    Aggregation,
    ListTimeSeriesRequest,
    TimeInterval,
    TimeSeries,
)

from blocks.contracts import InvalidRequest, Sample, Window
from blocks.providers.gcp.account import READS, GcpAccount

PLATFORM = "gcp/"  # before the name of a metric
_MINUTE = timedelta(minutes=1)
_OF_LATENCIES = re.compile(r"(.+?)(?:_(p50|p95|p99))?")
_REDUCERS = {
    None: Aggregation.Reducer.REDUCE_MEAN,
    "p50": Aggregation.Reducer.REDUCE_PERCENTILE_50,
    "p95": Aggregation.Reducer.REDUCE_PERCENTILE_95,
    "p99": Aggregation.Reducer.REDUCE_PERCENTILE_99,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What Google measures of a kind of endpoint, and how it tells endpoints apart."""

    host: str  # before the names of metrics
    resource: str
    counts: Collection[str]
    latencies: Collection[str]
    labels: Mapping[str, str]  # ours: what Cloud Monitoring calls it
    only: str = ""  # a term without which latencies are counted several times

    def names(self) -> list[str]:
        """Return the names by which metrics are read."""
        parts = ("", "_p50", "_p95", "_p99")
        of_latencies = [f"{name}{part}" for name in self.latencies for part in parts]
        return [f"{PLATFORM}{name}" for name in (*self.counts, *of_latencies)]


ONLINE = Measured(
    host="aiplatform.googleapis.com",
    resource="aiplatform.googleapis.com/Endpoint",
    counts=tuple(f"prediction/online/{each}_count" for each in ("prediction", "response", "error")),
    latencies=("prediction/online/prediction_latencies",),
    labels={"status": "response_code"},
    only='metric.labels.latency_type="total"',
)
"""Endpoints of Vertex AI; latencies are in microseconds."""
SERVICES = Measured(
    host="run.googleapis.com",
    resource="cloud_run_revision",
    counts=("request_count",),
    latencies=("request_latencies",),
    labels={"status": "response_code", "status_class": "response_code_class"},
)
"""Services of Cloud Run; latencies are in milliseconds."""


class PlatformMetrics:
    """Reads them."""

    def __init__(self, account: GcpAccount, measured: Measured) -> None:
        self._account, self._measured = account, measured

    def require(self, metric: str, labels: Mapping[str, str]) -> None:
        """Raise InvalidRequest for what is not measured, and for labels that say no place."""
        known = self._measured.names()
        if metric not in known:
            raise InvalidRequest(
                f"{metric} is not measured here; read {', '.join(known)}", code="METRIC"
            )
        taken = {"endpoint", "variant", *self._measured.labels}
        if "endpoint" not in labels or set(labels) - taken:
            raise InvalidRequest(
                f"metrics of Google's own have the labels {', '.join(sorted(taken))}, endpoint "
                "always",
                code="LABELS",
            )

    def between(
        self, metric: str, window: Window, labels: Mapping[str, str], *, place: str
    ) -> Sequence[Sample]:
        """Return the minutes that end in a window; a minute shows some minutes after its end.

        ``place`` is the terms that find the endpoint, or the variant. Counts are of a minute; of
        latencies it is the mean, or what the end of the name says.
        """
        name, reducer, more = self._meant(metric.removeprefix(PLATFORM))
        terms = [
            f'metric.type="{self._measured.host}/{name}"',
            f'resource.type="{self._measured.resource}"',
            place,
            *more,
            *(
                f'metric.labels.{told}="{labels[ours]}"'
                for ours, told in self._measured.labels.items()
                if ours in labels
            ),
        ]
        request = ListTimeSeriesRequest(
            name=f"projects/{self._account.project_id}",
            filter=" AND ".join(terms),
            interval=TimeInterval(start_time=window.start, end_time=window.end),
            aggregation=Aggregation(
                alignment_period=_MINUTE,
                per_series_aligner=Aggregation.Aligner.ALIGN_DELTA,
                cross_series_reducer=reducer,
            ),
            view=ListTimeSeriesRequest.TimeSeriesView.FULL,
        )
        found = self._account.client(MetricServiceClient).list_time_series(request, **READS)
        samples = [sample for series in found for sample in _samples(series)]
        inside = [each for each in samples if window.start <= each.at < window.end]
        return sorted(inside, key=lambda each: each.at)

    def _meant(self, name: str) -> tuple[str, Aggregation.Reducer, Sequence[str]]:
        if name in self._measured.counts:
            return name, Aggregation.Reducer.REDUCE_SUM, ()
        found = _OF_LATENCIES.fullmatch(name)
        bare, part = found.groups() if found else (name, None)
        only = (self._measured.only,) if self._measured.only else ()
        return bare, _REDUCERS[part], only


def _samples(series: TimeSeries) -> list[Sample]:
    return [
        Sample(
            at=point.interval.end_time,
            value=point.value.double_value or float(point.value.int64_value),
        )
        for point in series.points
    ]
