"""Monitoring schedules in Azure's words, and back. Pure: nothing is called here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.ai.ml import Input
from azure.ai.ml.entities import (
    AlertNotification,
    BaselineDataRange,
    CategoricalDriftMetrics,
    DataDriftMetricThreshold,
    DataDriftSignal,
    DataQualityMetricsCategorical,
    DataQualityMetricsNumerical,
    DataQualityMetricThreshold,
    DataQualitySignal,
    MonitorDefinition,
    MonitorSchedule,
    NumericalDriftMetrics,
    ProductionData,
    RecurrenceTrigger,
    ReferenceData,
    ServerlessSparkCompute,
)

from blocks.contracts import (
    Check,
    Failure,
    MonitorFinding,
    MonitoringSchedule,
    MonitorLook,
    Phase,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.inside import INPUTS

ASKED = "bluewater-asked"  # property of a schedule: it as it was asked for
SIGNALS: Mapping[Check, str] = {Check.DRIFT: "drift", Check.QUALITY: "quality"}
MONITOR, SIGNAL, METRIC, COLUMN = (
    "azureml.monitor_name",
    "azureml.signal_name",
    "azureml.metric_name",
    "azureml.group_0",
)
_STAMP = "%Y%m%dT%H%M%SZ"  # at the end of a job's display name: when it was due
_UNITS = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)
_PHASES = {"Completed": Phase.SUCCEEDED, "Failed": Phase.FAILED, "Canceled": Phase.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what the monitor of a block runs, when it raises an alarm, and whom it tells."""

    machine: str
    runtime: str  # version of Spark
    drift: float  # Wasserstein distance of numbers, Jensen-Shannon distance of words
    quality: float  # share of values that are missing, of another type or out of bounds
    emails: tuple[str, ...] = ()


def schedule_name(account: AzureAccount, endpoint: str) -> str:
    """Return what the schedule of an endpoint is called."""
    return f"{endpoint_name(account, endpoint)}-monitor"


def to_monitor_schedule(
    schedule: MonitoringSchedule,
    *,
    account: AzureAccount,
    terms: Terms,
    baseline: str,
    start: datetime,
) -> Any:
    """Say when an endpoint's collected rows are compared with a baseline, an MLTable, and how."""
    makes = {Check.DRIFT: _drift, Check.QUALITY: _quality}
    data = {
        "reference_data": ReferenceData(
            input_data=Input(type="mltable", path=account.on_datastore(baseline)),
            data_context="training",
        ),
        "features": "all_features",
        "alert_enabled": bool(terms.emails),
    }
    signals = {
        SIGNALS[check]: makes[check](terms, production_data=_production(schedule, account), **data)
        for check in schedule.checks
    }
    alert = AlertNotification(emails=list(terms.emails)) if terms.emails else None
    frequency, interval = _recurrence(schedule.every)
    return MonitorSchedule(
        name=schedule_name(account, schedule.endpoint),
        tags=account.tags(endpoint=schedule.endpoint),
        properties={ASKED: schedule.model_dump_json()},
        trigger=RecurrenceTrigger(
            frequency=frequency,
            interval=interval,
            start_time=start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        ),
        create_monitor=MonitorDefinition(
            compute=ServerlessSparkCompute(
                instance_type=schedule.machine or terms.machine, runtime_version=terms.runtime
            ),
            monitoring_signals=signals,
            alert_notification=alert,
        ),
    )


def to_mltable(uri: str) -> bytes:
    """Return what tells Azure that a file is a table of Parquet."""
    told = f"type: mltable\npaths:\n  - file: {json.dumps(uri)}\ntransformations:\n"
    return f"{told}  - read_parquet:\n      include_path_column: false\n".encode()


def collected(root: str, endpoint: str) -> str:
    """Return where the rows of an endpoint are that Azure's monitors read."""
    return f"{root}/collected/{endpoint}"


def from_schedule(found: Any) -> MonitoringSchedule | None:
    """Return a schedule as it was asked for; None for one of somebody else's making."""
    asked = (found.properties or {}).get(ASKED)
    return MonitoringSchedule.model_validate_json(asked) if asked else None


def due_of(job: Any) -> datetime | None:
    """Return when a monitor's job was due; None for a job that no schedule began."""
    try:
        told = datetime.strptime(str(job.display_name or "").rpartition("-")[2], _STAMP)
    except ValueError:
        return None
    return told.replace(tzinfo=UTC)


def from_job(job: Any, due: datetime, runs: Sequence[Mapping[str, Any]]) -> MonitorLook:
    """Return a look that has ended; ``runs`` are those of its metrics, a value at each step."""
    phase = _PHASES[_text(job.status)]
    failure = Failure(code="FAILED", message=f"job {job.name} is {_text(job.status)}")
    return MonitorLook(
        at=due,
        phase=phase,
        findings=tuple(_findings(runs)) if phase is Phase.SUCCEEDED else (),
        failure=failure if phase is Phase.FAILED else None,
        uri=str(job.studio_url or ""),
    )


def _findings(runs: Sequence[Mapping[str, Any]]) -> Iterator[MonitorFinding]:
    checks = {name: check for check, name in SIGNALS.items()}
    for run in sorted(runs, key=lambda run: (run[SIGNAL], run[COLUMN], run[METRIC])):
        value, limit = run.get("value"), run.get("threshold")
        if value is None or limit is None or value <= limit:
            continue
        yield MonitorFinding(
            check=checks[run[SIGNAL]],
            column=run[COLUMN],
            metric=run[METRIC],
            value=value,
            limit=limit,
        )


def _production(schedule: MonitoringSchedule, account: AzureAccount) -> Any:
    # Days are what the service's own settings have, however often it looks.
    days = max(1, math.ceil(schedule.every / timedelta(days=1)))
    place = f"{collected(account.root, schedule.endpoint)}/{INPUTS}"
    return ProductionData(
        input_data=Input(type="uri_folder", path=account.on_datastore(place)),
        data_context=INPUTS,
        data_window=BaselineDataRange(
            lookback_window_size=f"P{days}D", lookback_window_offset="P0D"
        ),
    )


def _drift(terms: Terms, **data: Any) -> Any:
    return DataDriftSignal(
        **data,
        metric_thresholds=DataDriftMetricThreshold(
            numerical=NumericalDriftMetrics(normalized_wasserstein_distance=terms.drift),
            categorical=CategoricalDriftMetrics(jensen_shannon_distance=terms.drift),
        ),
    )


def _quality(terms: Terms, **data: Any) -> Any:
    most = {
        "null_value_rate": terms.quality,
        "data_type_error_rate": terms.quality,
        "out_of_bounds_rate": terms.quality,
    }
    return DataQualitySignal(
        **data,
        metric_thresholds=DataQualityMetricThreshold(
            numerical=DataQualityMetricsNumerical(**most),
            categorical=DataQualityMetricsCategorical(**most),
        ),
    )


def _recurrence(every: timedelta) -> tuple[str, int]:
    """Return the largest unit that fits, and how many of it; seconds are cut off."""
    for name, unit in _UNITS:
        if every >= unit and every % unit == timedelta(0):
            return name, every // unit
    return "minute", max(1, every // timedelta(minutes=1))


def _text(value: Any) -> str:
    """Return what the SDK tells as a text, or as one of an enumeration."""
    return str(getattr(value, "value", value))
