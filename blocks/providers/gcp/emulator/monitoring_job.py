"""One look of a model monitor: columns are held against a baseline; alerts are written down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.cloud.aiplatform_v1beta1.types import (
    JobState,
    ModelMonitor,
    ModelMonitoringAlert,
    ModelMonitoringJob,
    ModelMonitoringSpec,
)

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.drift import JENSEN_SHANNON, L_INFINITY, NUMBERS, distance
from blocks.providers.gcp.emulator.monitoring_data import require_readable, rows
from blocks.providers.gcp.emulator.refusals import GcpError, invalid
from blocks.providers.gcp.emulator.world import World

Rows = Sequence[Mapping[str, Any]]

_OBJECTIVES = {
    "feature_drift_spec": ("raw-feature-drift", "feature_fields"),
    "prediction_output_drift_spec": ("prediction-output-drift", "prediction_fields"),
}


def look(
    world: World, job: ModelMonitoringJob, monitor: ModelMonitor, cutoff: float
) -> list[ModelMonitoringAlert]:
    """Do the work of a job, which is over then; return the alerts that it raised."""
    objective, found = job.model_monitoring_spec.objective_spec, list[ModelMonitoringAlert]()
    try:
        before = rows(world, objective.baseline_dataset, cutoff)
        now = rows(world, objective.target_dataset, cutoff)
        found = list(_alerts(job, monitor, (before, now), world.clock.now()))
        job.state = JobState.JOB_STATE_SUCCEEDED
    except GcpError as error:
        job.state = JobState.JOB_STATE_FAILED
        job.job_execution_detail = {"error": error.status()}
    job.update_time = at(world.clock.now())
    _report(world, job, found)
    return found


def require_possible(spec: ModelMonitoringSpec) -> None:
    """Raise what the service says to a job that its messages allow, but its rules do not."""
    objective = spec.objective_spec
    if "tabular_objective" not in objective:
        raise invalid("model_monitoring_spec.objective_spec.tabular_objective is required.")
    require_readable(objective.baseline_dataset, "baseline_dataset")
    require_readable(objective.target_dataset, "target_dataset")
    for name in _OBJECTIVES:
        if name in objective.tabular_objective:
            _require_metrics(getattr(objective.tabular_objective, name))
    if not spec.output_spec.gcs_base_directory.output_uri_prefix.startswith("gs://"):
        raise invalid("output_spec.gcs_base_directory must be in Cloud Storage.")


def _alerts(
    job: ModelMonitoringJob, monitor: ModelMonitor, sets: tuple[Rows, Rows], now: float
) -> Iterator[ModelMonitoringAlert]:
    """Yield an alert for each column that is further from its baseline than it may be."""
    objective = job.model_monitoring_spec.objective_spec.tabular_objective
    for name, (kind, fields) in _OBJECTIVES.items():
        if name not in objective:
            continue
        drift = getattr(objective, name)
        for field in getattr(monitor.model_monitoring_schema, fields):
            if drift.features and field.name not in drift.features:
                continue
            metric, limit = _asked(drift, field.name, field.data_type)
            columns = [[row.get(field.name) for row in each] for each in sets]
            value = distance(metric, *columns, kind=field.data_type)
            if limit is not None and value > limit:
                body = _anomaly(field.name, value, limit, now)
                yield ModelMonitoringAlert(
                    stats_name=field.name,
                    objective_type=kind,
                    alert_time=at(now),
                    anomaly={
                        "model_monitoring_job": job.name,
                        "algorithm": metric,
                        "tabular_anomaly": body,
                    },
                )


def _anomaly(name: str, value: float, limit: float, now: float) -> Mapping[str, Any]:
    return {
        "anomaly": value,
        "summary": f"{name} is {value:.3f} from its baseline, more than {limit:g}",
        "trigger_time": at(now),
        "condition": {"threshold": limit},
    }


def _report(world: World, job: ModelMonitoringJob, found: list[ModelMonitoringAlert]) -> None:
    prefix = job.model_monitoring_spec.output_spec.gcs_base_directory.output_uri_prefix
    told = [ModelMonitoringAlert.to_dict(each) for each in found]
    number = job.name.rpartition("/")[2]
    report = f"{prefix.rstrip('/')}/jobs/{number}/anomalies.json"
    world.objects.write(report, json.dumps(told).encode())


def _require_metrics(drift: Any) -> None:
    if drift.numeric_metric_type not in ("", JENSEN_SHANNON):
        raise invalid(f"Unsupported numeric_metric_type: {drift.numeric_metric_type!r}")
    if drift.categorical_metric_type not in ("", JENSEN_SHANNON, L_INFINITY):
        raise invalid(f"Unsupported categorical_metric_type: {drift.categorical_metric_type!r}")


def _asked(drift: Any, name: str, data_type: str) -> tuple[str, float | None]:
    """Return the metric of a column, and the limit over which it raises an alert."""
    numbers = data_type in NUMBERS
    kind = "numeric" if numbers else "categorical"
    usual = getattr(drift, f"default_{kind}_alert_condition")
    condition = drift.feature_alert_conditions.get(name, usual)
    limit = condition.threshold if "threshold" in condition else None
    metric = str(getattr(drift, f"{kind}_metric_type"))
    return metric or (JENSEN_SHANNON if numbers else L_INFINITY), limit
