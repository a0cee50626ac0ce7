"""Metrics of endpoints as CloudWatch counts them: one value for each minute and variant.

Names, units and dimensions:
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.contracts import InvalidRequest, Sample, Window
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.lookup import READS

PLATFORM = "aws/"  # before the name of a metric
_ENDPOINTS, _MACHINES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"  # namespaces
_OF_MACHINES = "Utilization"  # what is told of a variant's machines ends so
_AVERAGED = (_OF_MACHINES, "Latency", "PerCopy", "PerInstance")  # the rest is counted
_LABELS = {"endpoint", "variant"}
_MINUTE = 60


class PlatformMetrics:
    """Reads them."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account

    def between(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        """Return the sums of a count, or the averages of a latency (in microseconds) or a share.

        Raises InvalidRequest for other labels than ``endpoint`` and ``variant``.
        """
        if set(labels) != _LABELS:
            raise InvalidRequest(
                "metrics of CloudWatch's own are of a variant: they have the labels "
                f"{', '.join(sorted(_LABELS))}",
                code="LABELS",
            )
        pages = (
            self._account.client("cloudwatch", attempts=READS)
            .get_paginator("get_metric_data")
            .paginate(
                MetricDataQueries=[self._query(metric, labels)],
                StartTime=window.start.replace(second=0, microsecond=0),  # minutes begin there
                EndTime=window.end,
                ScanBy="TimestampAscending",
            )
        )
        told = [each for page in pages for each in page["MetricDataResults"]]
        return [
            Sample(at=at, value=value)
            for each in told
            for at, value in zip(each["Timestamps"], each["Values"], strict=True)
            if window.start <= at < window.end
        ]

    def _query(self, metric: str, labels: Mapping[str, str]) -> dict[str, Any]:
        endpoint = self._account.named(labels["endpoint"])
        places = {"EndpointName": endpoint, "VariantName": labels["variant"]}
        wanted = {
            "Namespace": _MACHINES if metric.endswith(_OF_MACHINES) else _ENDPOINTS,
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in places.items()],
        }
        statistic = "Average" if metric.endswith(_AVERAGED) else "Sum"
        return {"Id": "m", "MetricStat": {"Metric": wanted, "Period": _MINUTE, "Stat": statistic}}
