"""Which lists of metrics Cloud Monitoring makes, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.monitoring_v3.types import Aggregation

from blocks.providers.gcp.account import GcpAccount


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"filter": 'resource.type="cloud_run_revision"'}, exceptions.InvalidArgument),
        ({"filter": 'metric.type="run.googleapis.com/nothing"'}, exceptions.NotFound),
        ({"name": "projects/another-project"}, exceptions.PermissionDenied),
        ({"filter": ""}, exceptions.InvalidArgument),
        ({"aggregation": {"alignment_period": {"seconds": 30}}}, exceptions.InvalidArgument),
        (
            {"aggregation": {"cross_series_reducer": Aggregation.Reducer.REDUCE_PERCENTILE_95}},
            exceptions.InvalidArgument,
        ),
    ],
)
def test_lists_that_cannot_be_are_refused(
    account: GcpAccount, change: dict[str, Any], refused: type[Exception]
) -> None:
    whole = {
        "alignment_period": {"seconds": 60},
        "per_series_aligner": Aggregation.Aligner.ALIGN_DELTA,
        "cross_series_reducer": Aggregation.Reducer.REDUCE_SUM,
    }
    kind = "aiplatform.googleapis.com/prediction/online/response_count"
    request = {
        "name": f"projects/{account.project}",
        "filter": f'metric.type="{kind}"',
        "interval": {"end_time": {"seconds": 4_000_000_000}, "start_time": {"seconds": 0}},
        **change,
        "aggregation": {**whole, **change.get("aggregation", {})},
    }
    with pytest.raises(refused):
        list(account.client(MetricServiceClient).list_time_series(request))
