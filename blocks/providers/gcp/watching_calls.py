"""Model monitoring in Vertex AI's words, and Vertex AI's words in ours. Pure: no call is made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
from google.cloud.aiplatform_v1beta1.types import (
    JobState,
    ModelMonitoringAlert,
    ModelMonitoringInput,
    ModelMonitoringJob,
)

from blocks.contracts import (
    Check,
    Failure,
    InvalidRequest,
    MonitorFinding,
    MonitoringSchedule,
    MonitorLook,
    Phase,
)
from blocks.providers.gcp.captured_rows import AT, PREDICTION
from blocks.providers.gcp.errors import name_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_Format = ModelMonitoringInput.ModelMonitoringDataset.ModelMonitoringGcsSource.DataFormat
_HOURS_A_DAY = 24
_ENDED = frozenset(
    {
        JobState.JOB_STATE_SUCCEEDED,
        JobState.JOB_STATE_PARTIALLY_SUCCEEDED,
        JobState.JOB_STATE_FAILED,
    }
)


def digest(schedule: MonitoringSchedule) -> str:
    """Return a short name for exactly this schedule."""
    return hashlib.sha256(schedule.model_dump_json().encode()).hexdigest()[:12]


def to_cron(every: timedelta) -> str:
    """Return the minutes, in UTC, of a look every so often. Raises InvalidRequest."""
    hours, rest = divmod(every, HOUR)
    if rest == timedelta(0) and 0 < hours < _HOURS_A_DAY and _HOURS_A_DAY % hours == 0:
        return f"0 */{hours} * * *"
    if every == DAY:
        return "0 0 * * *"
    raise InvalidRequest(
        f"every is {every}; Vertex AI looks every 1, 2, 3, 4, 6, 8, 12 or 24 hours", code="EVERY"
    )


def to_schema(columns: pa.Schema) -> Mapping[str, Any]:
    """Return what a monitor is told of the columns: the model's inputs, and its prediction."""
    fields = [{"name": each.name, "data_type": _data_type(each.type)} for each in columns]
    return {
        "feature_fields": [each for each in fields if each["name"] not in (AT, PREDICTION)],
        "prediction_fields": [each for each in fields if each["name"] == PREDICTION],
    }


def to_schedule(
    schedule: MonitoringSchedule, *, name: str, monitor: str, baseline: str, rows: str, limit: float
) -> dict[str, Any]:
    """Return the schedule that is asked for; each of its runs compares the rows since the last."""
    live = {
        **_dataset(rows, _Format.JSONL, timestamp_field=AT),
        "time_offset": {"offset": "0h", "window": f"{schedule.every // HOUR}h"},
    }
    spec = {
        "objective_spec": {
            "tabular_objective": _objective(limit),
            "baseline_dataset": _dataset(baseline, _Format.CSV),
            "target_dataset": live,
        },
        "output_spec": {
            "gcs_base_directory": {"output_uri_prefix": schedule.output_uri.rstrip("/")}
        },
    }
    job = {"display_name": name, "model_monitoring_spec": spec}
    return {
        "display_name": name,
        "cron": to_cron(schedule.every),
        "max_concurrent_run_count": 1,
        "create_model_monitoring_job_request": {"parent": monitor, "model_monitoring_job": job},
    }


def is_over(job: ModelMonitoringJob) -> bool:
    """Whether a look has ended."""
    return job.state in _ENDED


def from_job(job: ModelMonitoringJob, alerts: Sequence[ModelMonitoringAlert]) -> MonitorLook:
    """Return what a look found."""
    spec = job.model_monitoring_spec.output_spec
    told = {"at": job.schedule_time, "uri": spec.gcs_base_directory.output_uri_prefix}
    if job.state == JobState.JOB_STATE_FAILED:
        error = job.job_execution_detail.error
        failure = Failure(code=name_of(error.code), message=str(error.message))
        return MonitorLook(phase=Phase.FAILED, failure=failure, **told)
    return MonitorLook(
        phase=Phase.SUCCEEDED, findings=tuple(_finding(each) for each in alerts), **told
    )


def _dataset(uri: str, kind: int, **others: str) -> dict[str, Any]:
    return {"columnized_dataset": {"gcs_source": {"gcs_uri": uri, "format_": kind}, **others}}


def _objective(limit: float) -> Mapping[str, Any]:
    drift = {
        "numeric_metric_type": "jensen_shannon_divergence",
        "categorical_metric_type": "l_infinity",
        "default_numeric_alert_condition": {"threshold": limit},
        "default_categorical_alert_condition": {"threshold": limit},
    }
    return {"feature_drift_spec": drift, "prediction_output_drift_spec": drift}


def _finding(alert: ModelMonitoringAlert) -> MonitorFinding:
    anomaly = alert.anomaly.tabular_anomaly
    value = anomaly.anomaly
    return MonitorFinding(
        check=Check.DRIFT,
        column=alert.stats_name,
        metric=alert.anomaly.algorithm,
        value=float(value) if isinstance(value, int | float) else None,
        limit=anomaly.condition.threshold,
        message=anomaly.summary,
    )


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    return "float" if pa.types.is_floating(kind) or pa.types.is_decimal(kind) else "categorical"
