"""SageMaker's own model monitor: what it is told, what it says, and what it will not be told."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from blocks.contracts import Check, InvalidRequest, MonitoringSchedule, Phase
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.baseline import constraints_of, statistics_of
from blocks.providers.aws.captured_rows import preprocess_handler
from blocks.providers.aws.emulator.analyzer import suggested, violations
from blocks.providers.aws.emulator.cron import due_after, hours_of
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.monitor_images import address_in
from blocks.providers.aws.suggested import adjusted
from blocks.providers.aws.watching_calls import from_execution, to_schedule_config

ASKED = MonitoringSchedule(
    endpoint="bench",
    baseline_uri="s3://bucket/baseline.parquet",
    output_uri="s3://bucket/monitor",
    every=timedelta(hours=1),
)


def held_against(
    baseline: dict[str, list[Any]],
    columns: dict[str, list[Any]],
    *,
    drift: bool = True,
    quality: bool = True,
) -> dict[str, set[str]]:
    """Return which checks each column fails."""
    known = statistics_of(baseline)
    constraints = constraints_of(known, drift=drift, quality=quality, distance=0.1)
    found: dict[str, set[str]] = {}
    for each in violations(columns, statistics_of(columns), known, constraints):
        found.setdefault(each["feature_name"], set()).add(each["constraint_check_type"])
    return found


def captured(asked: object, answered: object) -> Any:
    sides = (SimpleNamespace(data=json.dumps(each)) for each in (asked, answered))
    return SimpleNamespace(**dict(zip(("endpoint_input", "endpoint_output"), sides, strict=True)))


def test_each_check_names_its_own_column() -> None:
    rows = 200
    baseline: dict[str, list[Any]] = {
        "kept": [each / rows for each in range(rows)],
        "moved": [each / rows for each in range(rows)],
        "whole": list(range(rows)),
        "colour": ["red", "blue"] * (rows // 2),
        "share": ["red", "blue"] * (rows // 2),
        "full": ["x"] * rows,
        "gone": [1] * rows,
    }
    now = {
        **baseline,
        "moved": [0.2 + each / rows for each in range(rows)],
        "whole": [each + 0.5 for each in range(rows)],
        "colour": ["green"] + ["red", "blue"] * (rows // 2 - 1) + ["red"],
        "share": ["red"] * rows,
        "full": ["x"] * (rows - 1) + [None],
        "new": [1] * rows,
    }
    del now["gone"]
    assert held_against(baseline, now) == {
        "moved": {"baseline_drift_check"},
        "whole": {"data_type_check"},
        "colour": {"categorical_values_check"},
        "share": {"baseline_drift_check"},
        "full": {"completeness_check"},
        "gone": {"missing_column_check"},
        "new": {"extra_column_check"},
    }
    assert held_against(baseline, baseline) == {}


def test_one_kind_of_check_is_switched_off_without_the_other() -> None:
    baseline = {"x": [float(each) for each in range(100)]}
    now: dict[str, list[Any]] = {"x": [each + 50.5 for each in range(99)] + [None]}
    assert held_against(baseline, now, quality=False) == {"x": {"baseline_drift_check"}}
    assert held_against(baseline, now, drift=False) == {"x": {"completeness_check"}}


def test_what_a_job_suggests_holds_what_is_asked_and_no_more() -> None:
    """Days come to the job as text, and how callers write them is theirs to choose."""
    rows = pa.table({"x": [0.1, 0.9], "note": ["a", "b"], "day": [datetime(2026, 5, 1)] * 2})
    told = {**rows.drop(["day"]).to_pydict(), "day": ["2026-05-01T00:00:00"] * 2}
    known = statistics_of(told)
    asked: dict[str, Any] = {"drift": False, "quality": True, "distance": 0.2}
    statistics, constraints = adjusted((known, suggested(known)), rows, **asked)
    assert constraints["monitoring_config"]["distribution_constraints"] == {
        "perform_comparison": "Disabled",
        "comparison_threshold": 0.2,
        "comparison_method": "Simple",
        "categorical_comparison_threshold": 0.2,
        "categorical_drift_method": "LInfinity",
    }
    now: dict[str, list[Any]] = {"x": [-1.0, 0.5], "note": ["a", "c"], "day": [1, 2]}
    found = violations(now, statistics_of(now), statistics, constraints)
    assert [each["feature_name"] for each in found] == ["note"]
    loose = adjusted((known, suggested(known)), rows, **{**asked, "quality": False})[1]
    assert list(violations(now, statistics_of(now), statistics, loose)) == []


def test_a_sketch_of_many_rows_stands_for_all_of_them() -> None:
    values = np.random.default_rng(1).normal(size=50_001)
    [feature] = statistics_of({"x": values.tolist()})["features"]
    levels = feature["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"]
    assert sum(len(each) << level for level, each in enumerate(levels)) == len(values)
    assert max(len(each) for each in levels) <= 2048
    kept = np.repeat(np.sort(levels[-1]), 1 << (len(levels) - 1))
    middle = np.median(values)
    assert math.isclose((kept <= middle).mean(), 0.5, abs_tol=0.01)


def test_days_are_counted_and_not_compared_and_truth_values_are_numbers() -> None:
    """How callers write a day is theirs to choose, and the monitor has no type for either."""
    statistics = statistics_of({"day": [datetime(2026, 5, 1)], "late": [True]})
    day, late = statistics["features"]
    assert day["inferred_type"] == "Unknown"
    assert "distribution" not in day["string_statistics"]
    assert late["inferred_type"] == "Integral"
    assert held_against({"day": [datetime(2026, 5, 1)]}, {"day": ["2026-05-02"]}) == {}


def test_captured_exchanges_become_rows_of_named_columns() -> None:
    rows = [{"x": 1.0, "note": None, "nested": [1]}, {"x": True, "note": "a", "nested": [2]}]
    told = preprocess_handler(captured({"dataframe_records": rows}, {"predictions": [0.0, 1.0]}))
    assert told == [
        {"x": 1.0, "note": None, "prediction": 0.0},
        {"x": 1, "note": "a", "prediction": 1.0},
    ]
    split = {"columns": ["x"], "data": [[3.0]]}
    assert preprocess_handler(captured({"dataframe_split": split}, {"error": 1})) == [{"x": 3.0}]
    assert preprocess_handler(captured("text", {})) == []
    broken = captured({}, {})
    broken.endpoint_input.data = "{"
    assert preprocess_handler(broken) == []


@pytest.mark.parametrize(
    ("hours", "told", "due"),
    [(1, "cron(0 * ? * * *)", 14), (6, "cron(0 0/6 ? * * *)", 18), (24, "cron(0 0 ? * * *)", 24)],
)
def test_a_schedule_is_told_in_the_words_of_the_service(hours: int, told: str, due: int) -> None:
    asked = ASKED.model_copy(update={"every": timedelta(hours=hours)})
    expression = to_schedule_config(asked, "one")["ScheduleConfig"]["ScheduleExpression"]
    assert expression == told
    now = datetime(2026, 5, 1, 13, 20, tzinfo=UTC)
    found = datetime.fromtimestamp(due_after(now.timestamp(), hours_of(told)), UTC)
    assert found == datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=due)


@pytest.mark.parametrize("every", [timedelta(minutes=90), timedelta(hours=25)])
def test_times_between_looks_that_no_cron_of_the_service_tells_are_refused(
    every: timedelta,
) -> None:
    with pytest.raises(InvalidRequest, match="whole hours"):
        to_schedule_config(ASKED.model_copy(update={"every": every}), "one")


@pytest.mark.parametrize("expression", ["rate(1 hour)", "cron(5 * ? * * *)", "cron(0 24 ? * * *)"])
def test_the_service_refuses_other_expressions(expression: str) -> None:
    with pytest.raises(AwsError, match="Invalid schedule expression"):
        hours_of(expression)


def test_the_words_of_a_report_become_findings() -> None:
    due = datetime(2026, 5, 1, 13, tzinfo=UTC)
    told = {"MonitoringExecutionStatus": "CompletedWithViolations", "ScheduledTime": due}
    words = "Baseline drift distance: 0.31 exceeds threshold: 0.1"
    found = {
        "violations": [
            {
                "feature_name": " x",
                "constraint_check_type": "baseline_drift_check",
                "description": words,
            },
            {
                "feature_name": "n",
                "constraint_check_type": "data_type_check",
                "description": "no",
            },
        ]
    }
    look = from_execution(
        told,
        uri="s3://bucket/report",
        statistics=b'{"dataset": {"item_count": 7}}',
        violations=json.dumps(found).encode(),
    )
    assert (look.at, look.phase, look.rows) == (due, Phase.SUCCEEDED, 7)
    drift, quality = look.findings
    assert (drift.check, drift.column, drift.value, drift.limit) == (Check.DRIFT, "x", 0.31, 0.1)
    assert (quality.check, quality.column, quality.value) == (Check.QUALITY, "n", None)


def test_a_look_that_failed_is_told_with_its_reason() -> None:
    told = {
        "MonitoringExecutionStatus": "Failed",
        "ScheduledTime": datetime(2026, 5, 1, 13, tzinfo=UTC),
        "FailureReason": "No S3 objects found",
    }
    look = from_execution(told, uri="s3://bucket/report", statistics=None, violations=None)
    assert look.phase is Phase.FAILED
    assert look.failure is not None
    assert "No S3 objects" in look.failure.message
    assert look.uri == ""


def test_an_image_is_known_by_its_region_or_has_to_be_given() -> None:
    assert address_in("us-east-1").startswith("156813124566.dkr.ecr.us-east-1.")
    with pytest.raises(InvalidRequest, match="BLUEWATER_AWS_MONITOR_IMAGE"):
        address_in("mars-north-1")


def test_the_service_refuses_what_cannot_be_watched(account: AwsAccount) -> None:
    sagemaker = account.client("sagemaker")
    config = to_schedule_config(ASKED, "nothing")
    with pytest.raises(ClientError, match="Could not find job definition"):
        sagemaker.create_monitoring_schedule(
            MonitoringScheduleName="one", MonitoringScheduleConfig=config
        )
    with pytest.raises(ClientError, match="not found"):
        sagemaker.delete_monitoring_schedule(MonitoringScheduleName="one")
