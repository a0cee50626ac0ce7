"""Vertex AI's model monitors: what they compare, the jobs that do, and the alerts these raise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.cloud.aiplatform_v1beta1.types import (
    CreateModelMonitoringJobRequest,
    CreateModelMonitorOperationMetadata,
    DeleteOperationMetadata,
    ListModelMonitoringJobsResponse,
    ListModelMonitorsResponse,
    ModelMonitor,
    ModelMonitoringAlert,
    ModelMonitoringJob,
    SearchModelMonitoringAlertsResponse,
    UpdateModelMonitorOperationMetadata,
)
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.messages import masked
from blocks.providers.gcp.emulator.monitoring_job import look, require_possible
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.world import World

_ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
_TYPES = frozenset({"float", "integer", "boolean", "string", "categorical"})


class ModelMonitors:
    """CreateModelMonitor and its kin. ``target`` raises GcpError for a model that is not there."""

    def __init__(self, world: World, target: Callable[[str], object]) -> None:
        self._world, self._target = world, target
        self._monitors: dict[str, ModelMonitor] = {}
        self._jobs: dict[str, ModelMonitoringJob] = {}
        self._alerts: dict[str, list[ModelMonitoringAlert]] = {}  # by job

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        service = "ModelMonitoringService"
        return {
            f"{service}.CreateModelMonitor": self._create,
            f"{service}.GetModelMonitor": lambda asked: self._known(asked.name),
            f"{service}.ListModelMonitors": self._list,
            f"{service}.UpdateModelMonitor": self._update,
            f"{service}.DeleteModelMonitor": self._delete,
            f"{service}.CreateModelMonitoringJob": self.begin,
            f"{service}.GetModelMonitoringJob": lambda asked: self._job(asked.name),
            f"{service}.ListModelMonitoringJobs": self._list_jobs,
            f"{service}.SearchModelMonitoringAlerts": self._search,
        }

    def begin(
        self, asked: CreateModelMonitoringJobRequest, *, schedule: str = "", due: float = 0.0
    ) -> ModelMonitoringJob:
        """Make a job and do its work: it is over when it is told of for the first time."""
        monitor = self._known(self._world.canonical(asked.parent))
        job = ModelMonitoringJob(asked.model_monitoring_job)
        require_possible(job.model_monitoring_spec)
        number = self._world.name("modelMonitoringJobs").rpartition("/")[2]
        job.name = f"{monitor.name}/modelMonitoringJobs/{number}"
        job.create_time = at(self._world.clock.now())
        if schedule:
            job.schedule, job.schedule_time = schedule, at(due)
        self._jobs[job.name] = job
        self._alerts[job.name] = look(self._world, job, monitor, due or self._world.clock.now())
        return job

    def _create(self, asked: Any) -> Operation:
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        if asked.model_monitor_id and not _ID.fullmatch(asked.model_monitor_id):
            raise invalid(f"Invalid model_monitor_id: {asked.model_monitor_id!r}")
        name = self._world.name("modelMonitors")
        if asked.model_monitor_id:
            name = f"{self._world.parent}/modelMonitors/{asked.model_monitor_id}"
        if name in self._monitors:
            raise GcpError(grpc.StatusCode.ALREADY_EXISTS, f"{name} already exists.")
        monitor = ModelMonitor(asked.model_monitor)
        self._check(monitor)
        monitor.name, monitor.create_time = name, at(self._world.clock.now())
        self._monitors[name] = monitor
        return self._world.operations.done(name, monitor, CreateModelMonitorOperationMetadata())

    def _check(self, monitor: ModelMonitor) -> None:
        target = monitor.model_monitoring_target.vertex_model
        if not target.model or not target.model_version_id:
            raise invalid("model_monitoring_target.vertex_model and its version are required.")
        self._target(f"{target.model}@{target.model_version_id}")
        schema = monitor.model_monitoring_schema
        for field in (*schema.feature_fields, *schema.prediction_fields):
            if field.data_type not in _TYPES:
                raise invalid(f"{field.name}: unsupported data_type {field.data_type!r}.")

    def _list(self, asked: Any) -> ListModelMonitorsResponse:
        if asked.filter:
            raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "filters of monitors are not emulated")
        some, token = page(list(self._monitors.values()), asked)
        return ListModelMonitorsResponse(model_monitors=some, next_page_token=token)

    def _update(self, asked: Any) -> Operation:
        monitor = self._known(self._world.canonical(asked.model_monitor.name))
        changed = ModelMonitor(monitor)
        masked(changed, asked.model_monitor, list(asked.update_mask.paths))
        self._check(changed)
        self._monitors[monitor.name] = changed
        return self._world.operations.done(
            monitor.name, changed, UpdateModelMonitorOperationMetadata()
        )

    def _delete(self, asked: Any) -> Operation:
        monitor = self._known(asked.name)
        below = [name for name in self._jobs if name.startswith(f"{monitor.name}/")]
        if below and not asked.force:
            raise GcpError(grpc.StatusCode.FAILED_PRECONDITION, f"{asked.name} has jobs still.")
        for name in below:
            del self._jobs[name]
        del self._monitors[monitor.name]
        return self._world.operations.done(monitor.name, Empty(), DeleteOperationMetadata())

    def _list_jobs(self, asked: Any) -> ListModelMonitoringJobsResponse:
        self._known(asked.parent)
        found = [job for name, job in self._jobs.items() if name.startswith(f"{asked.parent}/")]
        some, token = page(found[::-1], asked)
        return ListModelMonitoringJobsResponse(model_monitoring_jobs=some, next_page_token=token)

    def _search(self, asked: Any) -> SearchModelMonitoringAlertsResponse:
        monitor = self._known(self._world.canonical(asked.model_monitor))
        wanted = self._world.canonical(asked.model_monitoring_job)
        found = [
            alert
            for name, alerts in self._alerts.items()
            if name.startswith(f"{monitor.name}/") and wanted in ("", name)
            for alert in alerts
            if asked.stats_name in ("", alert.stats_name)
            and asked.objective_type in ("", alert.objective_type)
        ]
        some, token = page(found, asked)
        return SearchModelMonitoringAlertsResponse(
            model_monitoring_alerts=some,
            total_number_alerts=len(found),
            next_page_token=token,
        )

    def _known(self, name: str) -> ModelMonitor:
        if name not in self._monitors:
            raise not_found(name)
        return self._monitors[name]

    def _job(self, name: str) -> ModelMonitoringJob:
        if name not in self._jobs:
            raise not_found(name)
        return self._jobs[name]
