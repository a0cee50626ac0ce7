"""A baseline that SageMaker's own job suggests, by AWS's SDK, and what is watched by it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    Capture,
    Check,
    Conflict,
    Endpoints,
    MonitoringSchedule,
    ObjectStore,
    Phase,
    RunKey,
    Traffic,
    Unavailable,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.watching import SageMakerModelMonitor
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="watch")
DAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def monitors(account: AwsAccount) -> SageMakerModelMonitor:
    return SageMakerModelMonitor(account=account, suggest=True)


@pytest.fixture
def schedule(bench: Any) -> MonitoringSchedule:
    """Return a schedule for an endpoint that serves, against rows with days in them."""
    endpoints, store, out = bench.connect(Endpoints), bench.connect(ObjectStore), io.BytesIO()
    request = bench.variant_request().model_copy(update={"capture": Capture(sample=1.0)})
    bench.settle(endpoints.deploy(request, key=KEY))
    all_of_it = Traffic(percent={request.variant: 100})
    endpoints.shift(request.endpoint, all_of_it, since=endpoints.traffic(request.endpoint))
    rows = [
        {"x": each / 100, "n": each, "day": DAY, "prediction": float(each > 50)}
        for each in range(100)
    ]
    pq.write_table(pa.Table.from_pylist(rows), out)
    return MonitoringSchedule(
        endpoint=request.endpoint,
        baseline_uri=store.write(f"{store.root}/baseline.parquet", out.getvalue()).uri,
        output_uri=f"{store.root}/monitor",
        every=timedelta(hours=1),
        checks=(Check.DRIFT, Check.QUALITY),
    )


def kept(monitors: SageMakerModelMonitor, schedule: MonitoringSchedule) -> None:
    """Ask until the schedule is there."""

    def there() -> bool:
        try:
            monitors.ensure(schedule)
        except Unavailable as error:
            assert error.code in ("SUGGESTING", "NOT_APPLIED")
            return False
        return True

    until(there)


def test_a_job_suggests_the_baseline_and_a_look_holds_traffic_against_it(
    bench: Any, monitors: SageMakerModelMonitor, schedule: MonitoringSchedule, emulator: Account
) -> None:
    with pytest.raises(Unavailable):
        monitors.ensure(schedule)
    kept(monitors, schedule)
    monitors.ensure(schedule)
    [job] = emulator.calls("sagemaker:CreateProcessingJob")  # found by its name ever after
    assert "sagemaker-model-monitor-analyzer" in job["request"]["AppSpecification"]["ImageUri"]
    [definition] = emulator.calls("sagemaker:CreateDataQualityJobDefinition")
    baseline = definition["request"]["DataQualityBaselineConfig"]
    store = bench.connect(ObjectStore)
    constraints = json.loads(store.read(baseline["ConstraintsResource"]["S3Uri"]))
    types = {each["name"]: each["inferred_type"] for each in constraints["features"]}
    assert types == {
        "x": "Fractional",
        "n": "Integral",
        "day": "Unknown",
        "prediction": "Fractional",
    }
    distances = constraints["monitoring_config"]["distribution_constraints"]
    assert (distances["comparison_method"], distances["comparison_threshold"]) == ("Simple", 0.1)
    rows = [{"x": each / 100 + 0.4, "n": each} for each in range(100)]
    endpoints = bench.connect(Endpoints)
    for row in rows:
        assert endpoints.predict(schedule.endpoint, {"dataframe_records": [row]}).status == 200
    bench.look(schedule.endpoint)
    [look] = monitors.looks(schedule.endpoint, bench.looking(schedule.endpoint))
    assert look.phase is Phase.SUCCEEDED
    drifted = {each.column for each in look.findings if each.check is Check.DRIFT}
    assert "x" in drifted
    assert "n" not in drifted


def test_a_job_that_fails_is_tried_again_and_not_for_ever(
    monitors: SageMakerModelMonitor, schedule: MonitoringSchedule, emulator: Account
) -> None:
    emulator.fault("capacity-error", times=1)
    kept(monitors, schedule)
    assert len(emulator.calls("sagemaker:CreateProcessingJob")) == 2
    emulator.fault("capacity-error", times=3)
    other = schedule.model_copy(update={"checks": (Check.DRIFT,)})
    with pytest.raises(Conflict, match="CapacityError"):
        kept(monitors, other)
