"""Metrics of Google's own: what Cloud Monitoring tells of endpoints and of services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import Endpoints, InvalidRequest, Monitor, Sample, Traffic, Window
from tests.unit.exercises import ROW, RUN

WRONG = {"instances": [{"other": 1}]}


def asked(bench: Any) -> tuple[str, Window]:
    """Serve a variant, ask it three times, once wrongly; return the endpoint, and when."""
    endpoints, request = bench.connect(Endpoints), bench.variant_request()
    bench.settle(endpoints.deploy(request, key=RUN))
    name = request.endpoint
    endpoints.shift(name, Traffic(percent={"blue": 100}), since=endpoints.traffic(name))
    begun = datetime.fromtimestamp(bench.emulator.pull("now"), UTC)
    assert [endpoints.predict(name, row).status for row in (ROW, ROW, WRONG)] == [200, 200, 400]
    window = Window(start=begun - timedelta(minutes=1), end=begun + timedelta(minutes=15))
    bench.emulator.pull("advance", seconds=120)
    return name, window


def test_vertex_ai_counts_answers_errors_and_latencies_of_each_variant(bench: Any) -> None:
    name, window = asked(bench)
    monitor = bench.connect(Monitor)

    def told(metric: str, **labels: str) -> list[float]:
        labels = {"endpoint": name, **labels}
        found = monitor.read(f"gcp/prediction/online/{metric}", window, labels=labels)
        assert [each.at for each in found] == sorted({each.at for each in found})
        return [each.value for each in found]

    assert sum(told("response_count")) == sum(told("prediction_count", variant="blue")) == 3
    assert sum(told("response_count", variant="blue", status="200")) == 2
    assert sum(told("error_count")) == sum(told("response_count", status="400")) == 1
    assert max(told("prediction_latencies_p99")) >= max(told("prediction_latencies_p50")) > 0
    assert told("prediction_latencies", variant="blue")
    assert told("response_count", variant="green") == []
    assert told("response_count", status="503") == []
    for wrong in ("no_such_metric", "response_count_p95"):
        with pytest.raises(InvalidRequest, match="response_count"):
            told(wrong)
    with pytest.raises(InvalidRequest, match="status"):
        told("response_count", status_class="2xx")
    with pytest.raises(InvalidRequest, match="Google's own"):
        monitor.record("gcp/mine", [Sample(at=window.start, value=1.0)], labels={})
    nowhere = {"endpoint": "nowhere", "variant": "blue"}
    assert monitor.read("gcp/prediction/online/error_count", window, labels=nowhere) == []


def test_cloud_run_counts_requests_by_their_status_of_each_variant(tmp_path: Path) -> None:
    with registry.load(registry.provider("gcp-run").bench)(tmp_path) as bench:
        name, window = asked(bench)
        monitor = bench.connect(Monitor)

        def told(metric: str, **labels: str) -> float:
            labels = {"endpoint": name, **labels}
            found = monitor.read(f"gcp/{metric}", window, labels=labels)
            return float(sum(each.value for each in found))

        assert told("request_count") == told("request_count", variant="blue") == 3
        assert told("request_count", status_class="4xx") == told("request_count", status="400") == 1
        assert told("request_latencies_p95", variant="blue") > 0
        assert told("request_count", variant="green") == 0
        with pytest.raises(InvalidRequest, match="request_count"):
            told("prediction/online/response_count")
