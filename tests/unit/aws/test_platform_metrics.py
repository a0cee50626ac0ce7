"""What CloudWatch counts of an endpoint is read beside what we count ourselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.contracts import Endpoints, InvalidRequest, Monitor, RunKey, Sample, Window
from blocks.providers.aws.emulator.launch import Account

ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
MINUTE = timedelta(minutes=1)
LABELS = {"endpoint": "bench", "variant": "blue"}


def test_each_minute_has_a_value_of_each_variant_once_it_is_over(
    bench: Any, emulator: Account
) -> None:
    endpoints, monitor = bench.connect(Endpoints), bench.connect(Monitor)
    bench.settle(endpoints.deploy(bench.variant_request(), key=RunKey(run="r", step="s")))
    began = datetime.now(UTC)
    emulator.pull("speed", speed=1e-6)  # so that all is asked in one minute
    for _ in range(3):
        assert endpoints.predict("bench", ROW).status == 200
    assert endpoints.predict("bench", {"rows": "none"}).status == 400
    window = Window(start=began - MINUTE, end=began + timedelta(hours=1))
    assert monitor.read("aws/Invocations", window, labels=LABELS) == []
    emulator.advance(60)
    [counted] = monitor.read("aws/Invocations", window, labels=LABELS)
    assert counted.value == 4
    assert counted.at.timestamp() % 60 == 0
    assert began - MINUTE < counted.at < began + 3 * MINUTE
    [wrong] = monitor.read("aws/Invocation4XXErrors", window, labels=LABELS)
    assert wrong == Sample(at=counted.at, value=1)
    [failed] = monitor.read("aws/Invocation5XXErrors", window, labels=LABELS)
    assert failed.value == 0
    [latency] = monitor.read("aws/ModelLatency", window, labels=LABELS)
    assert latency.value > 0
    before = Window(start=began - timedelta(hours=1), end=counted.at)
    assert monitor.read("aws/Invocations", before, labels=LABELS) == []
    other = {**LABELS, "variant": "green"}
    assert monitor.read("aws/Invocations", window, labels=other) == []


def test_metrics_of_cloudwatch_are_of_a_variant_and_not_recorded(bench: Any) -> None:
    monitor, now = bench.connect(Monitor), datetime.now(UTC)
    window = Window(start=now - MINUTE, end=now)
    with pytest.raises(InvalidRequest, match="endpoint, variant"):
        monitor.read("aws/Invocations", window, labels={"endpoint": "bench"})
    with pytest.raises(InvalidRequest, match="CloudWatch's own"):
        monitor.record("aws/Invocations", [Sample(at=now, value=1)], labels=LABELS)
