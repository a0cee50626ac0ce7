"""Monitoring schedules in SageMaker's words, and what they found in ours. Nothing is called."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.contracts import (
    Check,
    Failure,
    InvalidRequest,
    MonitorFinding,
    MonitoringSchedule,
    MonitorLook,
    Phase,
)
from blocks.providers.aws.disks import volume_key

HOUR = timedelta(hours=1)
STATISTICS, CONSTRAINTS, VIOLATIONS = (
    "statistics.json",
    "constraints.json",
    "constraint_violations.json",
)
ROWS = "captured_rows.py"
ENDED = {
    "Completed": Phase.SUCCEEDED,
    "CompletedWithViolations": Phase.SUCCEEDED,
    "Failed": Phase.FAILED,
    "Stopped": Phase.CANCELLED,
}
_INPUT, _OUTPUT = "/opt/ml/processing/input/endpoint", "/opt/ml/processing/output"
_LIMIT = 3600  # seconds that a look may take
_DISK = 20  # gigabytes
_DRIFT = "baseline_drift_check"
_DISTANCE = re.compile(r"distance: ([\d.eE+-]+) exceeds threshold: ([\d.eE+-]+)")


def require_hours(schedule: MonitoringSchedule) -> int:
    """Return every how many hours it looks. Raises InvalidRequest for what is no such number."""
    hours = schedule.every / HOUR
    if hours != int(hours) or not 1 <= hours <= 24:
        raise InvalidRequest(
            f"every is {schedule.every}; SageMaker's monitor looks every 1 to 24 whole hours",
            code="EVERY",
        )
    return int(hours)


def to_schedule_config(schedule: MonitoringSchedule, definition: str) -> dict[str, Any]:
    """Say when the monitor looks, and by which definition."""
    hours = require_hours(schedule)
    when = {1: "cron(0 * ? * * *)", 24: "cron(0 0 ? * * *)"}.get(
        hours, f"cron(0 0/{hours} ? * * *)"
    )
    return {
        "ScheduleConfig": {"ScheduleExpression": when},
        "MonitoringJobDefinitionName": definition,
        "MonitoringType": "DataQuality",
    }


def to_create_data_quality_job_definition(
    schedule: MonitoringSchedule,
    *,
    name: str,
    endpoint: str,
    home: str,
    image: str,
    machine: str,
    kms_key: str,
) -> dict[str, Any]:
    """Say what the monitor reads, holds it against, and writes; ``home`` has the baseline."""
    return {
        "JobDefinitionName": name,
        "DataQualityBaselineConfig": {
            "ConstraintsResource": {"S3Uri": f"{home}/{CONSTRAINTS}"},
            "StatisticsResource": {"S3Uri": f"{home}/{STATISTICS}"},
        },
        "DataQualityAppSpecification": {
            "ImageUri": image,
            "RecordPreprocessorSourceUri": f"{home}/{ROWS}",
            "Environment": {"publish_cloudwatch_metrics": "Disabled"},
        },
        "DataQualityJobInput": {"EndpointInput": _input(schedule, endpoint)},
        "DataQualityJobOutputConfig": _output(schedule, kms_key),
        "JobResources": {"ClusterConfig": _cluster(schedule.machine or machine, kms_key)},
        "StoppingCondition": {"MaxRuntimeInSeconds": _LIMIT},
    }


def report_of(output_uri: str, endpoint: str, name: str, due: datetime) -> str:
    """Return the folder into which SageMaker puts the report of a look."""
    return f"{output_uri.rstrip('/')}/{endpoint}/{name}/{due.astimezone(UTC):%Y/%m/%d/%H}"


def from_execution(
    told: Mapping[str, Any], *, uri: str, statistics: bytes | None, violations: bytes | None
) -> MonitorLook:
    """Return a look that has ended."""
    phase = ENDED[told["MonitoringExecutionStatus"]]
    failure = None
    if phase is Phase.FAILED:
        failure = Failure(code="FAILED", message=str(told.get("FailureReason", "")))
    rows = json.loads(statistics)["dataset"]["item_count"] if statistics else None
    found = json.loads(violations)["violations"] if violations else []
    return MonitorLook(
        at=told["ScheduledTime"],
        phase=phase,
        rows=rows,
        findings=tuple(_finding(each) for each in found),
        failure=failure,
        uri=uri if statistics or violations else "",
    )


def _finding(violation: Mapping[str, str]) -> MonitorFinding:
    kind, words = violation["constraint_check_type"], violation.get("description", "")
    numbers = _DISTANCE.search(words)
    return MonitorFinding(
        check=Check.DRIFT if kind == _DRIFT else Check.QUALITY,
        column=violation["feature_name"].strip(),
        metric=kind,
        value=float(numbers[1]) if numbers else None,
        limit=float(numbers[2].rstrip(".")) if numbers else None,
        message=words,
    )


def _input(schedule: MonitoringSchedule, endpoint: str) -> dict[str, Any]:
    return {
        "EndpointName": endpoint,
        "LocalPath": _INPUT,
        "StartTimeOffset": f"-PT{require_hours(schedule)}H",
        "EndTimeOffset": "-PT0H",
    }


def _output(schedule: MonitoringSchedule, kms_key: str) -> dict[str, Any]:
    place = {"S3Uri": schedule.output_uri.rstrip("/"), "LocalPath": _OUTPUT}
    return {
        "MonitoringOutputs": [{"S3Output": {**place, "S3UploadMode": "EndOfJob"}}],
        **({"KmsKeyId": kms_key} if kms_key else {}),
    }


def _cluster(machine: str, kms_key: str) -> dict[str, Any]:
    return {
        "InstanceCount": 1,
        "InstanceType": machine,
        "VolumeSizeInGB": _DISK,
        **volume_key(machine, kms_key),
    }
