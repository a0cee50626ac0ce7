"""Cloud Monitoring: what was measured, minute by minute, and lists of it.

https://cloud.google.com/monitoring/api/metrics_gcp has the metrics, their kinds and labels.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import grpc
from google.cloud.monitoring_v3.types import (
    Aggregation,
    ListTimeSeriesRequest,
    ListTimeSeriesResponse,
    TimeSeries,
)

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.measurements import MINUTE
from blocks.providers.gcp.emulator.refusals import GcpError, denied, invalid, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.world import NUMBER, World

_COUNTS = frozenset(
    {
        "aiplatform.googleapis.com/prediction/online/prediction_count",
        "aiplatform.googleapis.com/prediction/online/response_count",
        "aiplatform.googleapis.com/prediction/online/error_count",
        "run.googleapis.com/request_count",
    }
)
_LATENCIES = frozenset(
    {
        "aiplatform.googleapis.com/prediction/online/prediction_latencies",
        "run.googleapis.com/request_latencies",
    }
)
_ONE_TYPE = re.compile(r"metric\.type\s*=\s*\"([^\"]+)\"")
_Reducer = Aggregation.Reducer
_PERCENT = {
    _Reducer.REDUCE_PERCENTILE_05: 5,
    _Reducer.REDUCE_PERCENTILE_50: 50,
    _Reducer.REDUCE_PERCENTILE_95: 95,
    _Reducer.REDUCE_PERCENTILE_99: 99,
}


class TimeSeriesLists:
    """ListTimeSeries, where values are aligned to minutes and reduced to one series."""

    unlocked: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {"MetricService.ListTimeSeries": self._list}

    def _list(self, asked: ListTimeSeriesRequest) -> ListTimeSeriesResponse:
        kind = self._require(asked)
        start, end = (each.timestamp() for each in _ends(asked))
        reduce = _reduction(kind, asked.aggregation)
        meets = matcher(asked.filter, ("metric", "resource", "project"))
        minutes: dict[float, list[float]] = defaultdict(list)
        for series in self._world.measured.series():
            if meets(series.told()):
                for minute, values in series.minutes.items():
                    minutes[minute].extend(values)
        now = self._world.clock.now()  # a minute that goes on does not show
        ended = [each for each in sorted(minutes) if start < each <= min(end, now)]
        if not ended:
            return ListTimeSeriesResponse()
        points = [
            {
                "interval": {"start_time": at(minute - MINUTE), "end_time": at(minute)},
                "value": reduce(minutes[minute]),
            }
            for minute in reversed(ended)
        ]
        return ListTimeSeriesResponse(
            time_series=[TimeSeries(metric={"type": kind}, points=points)]
        )

    def _require(self, asked: ListTimeSeriesRequest) -> str:
        """Return the one metric that is asked for. Raises GcpError."""
        if asked.name.split("/")[1:] != [NUMBER]:
            raise denied(f"monitoring.timeSeries.list on {asked.name}")
        kinds = _ONE_TYPE.findall(asked.filter)
        if len(kinds) != 1:
            raise invalid("The filter must specify a single metric type.")
        if kinds[0] not in _COUNTS | _LATENCIES:
            raise not_found(f"metric type {kinds[0]}")
        start, end = _ends(asked)
        if start > end:
            raise invalid("interval.start_time must not be later than interval.end_time.")
        if asked.page_token or asked.order_by or "secondary_aggregation" in asked:
            raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "this part of lists is not emulated")
        if "aggregation" not in asked or asked.aggregation.group_by_fields:
            raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "one reduced series is emulated")
        return str(kinds[0])


def _ends(asked: ListTimeSeriesRequest) -> tuple[Any, Any]:
    if "end_time" not in asked.interval:
        raise invalid("interval.end_time is required.")
    end = asked.interval.end_time
    return (asked.interval.start_time if "start_time" in asked.interval else end), end


def _reduction(
    kind: str, asked: Aggregation
) -> Callable[[Sequence[float]], Mapping[str, float | int]]:
    """Return what makes one value of a minute's. Raises GcpError for what does not fit the kind."""
    period = asked.alignment_period.total_seconds() if "alignment_period" in asked else 0.0
    if period < MINUTE:
        raise invalid("aggregation.alignment_period must be at least 60 seconds.")
    if period != MINUTE:
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "periods of a minute are emulated")
    if asked.per_series_aligner != Aggregation.Aligner.ALIGN_DELTA:
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "ALIGN_DELTA is emulated")
    reducer = asked.cross_series_reducer
    if kind in _COUNTS and reducer == _Reducer.REDUCE_SUM:
        return lambda values: {"int64_value": int(sum(values))}
    if kind in _LATENCIES and reducer == _Reducer.REDUCE_MEAN:
        return lambda values: {"double_value": statistics.fmean(values)}
    if kind in _LATENCIES and reducer in _PERCENT:
        return lambda values: {"double_value": _percentile(values, _PERCENT[reducer])}
    raise invalid(f"{_Reducer(reducer).name} cannot be applied to {kind} with ALIGN_DELTA.")


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
