"""The least that IAM has to allow: to whoever runs flows, and to the jobs' service account.

What blocks and containers call is checked against the calls of an emulated project, both ways. What
no call of theirs shows, because Google looks it up by itself, is kept apart.
"""

from __future__ import annotations

from typing import Any

CALLER = (
    "aiplatform.batchPredictionJobs.cancel",
    "aiplatform.batchPredictionJobs.create",
    "aiplatform.batchPredictionJobs.get",
    "aiplatform.batchPredictionJobs.list",
    "aiplatform.customJobs.cancel",
    "aiplatform.customJobs.create",
    "aiplatform.customJobs.get",
    "aiplatform.customJobs.list",
    "aiplatform.endpoints.create",
    "aiplatform.endpoints.delete",
    "aiplatform.endpoints.deploy",
    "aiplatform.endpoints.get",
    "aiplatform.endpoints.list",
    "aiplatform.endpoints.predict",
    "aiplatform.endpoints.undeploy",
    "aiplatform.endpoints.update",
    "aiplatform.hyperparameterTuningJobs.cancel",
    "aiplatform.hyperparameterTuningJobs.create",
    "aiplatform.hyperparameterTuningJobs.get",
    "aiplatform.hyperparameterTuningJobs.list",
    "aiplatform.modelMonitoringJobs.list",
    "aiplatform.modelMonitors.create",
    "aiplatform.modelMonitors.get",
    "aiplatform.modelMonitors.searchModelMonitoringAlerts",
    "aiplatform.modelMonitors.update",
    "aiplatform.models.delete",
    "aiplatform.models.get",
    "aiplatform.models.list",
    "aiplatform.models.update",
    "aiplatform.models.upload",
    "aiplatform.operations.get",
    "aiplatform.schedules.create",
    "aiplatform.schedules.delete",
    "aiplatform.schedules.get",
    "aiplatform.schedules.list",
    "logging.logEntries.list",
    "monitoring.timeSeries.list",
    "secretmanager.versions.access",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
)
"""What blocks call."""

JOBS = (
    "secretmanager.versions.access",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
)
"""What the containers of jobs and endpoints call, and what their mounted buckets take."""

RUN_CALLER = (
    "logging.logEntries.list",
    "monitoring.timeSeries.list",
    "run.revisions.delete",
    "run.revisions.get",
    "run.routes.invoke",
    "run.services.create",
    "run.services.delete",
    "run.services.get",
    "run.services.list",
    "run.services.update",
)
"""What blocks of Cloud Run call."""

# https://cloud.google.com/vertex-ai/docs/general/custom-service-account: whoever names a service
# account for a job must be allowed to act as it.
ACTING = ("iam.serviceAccounts.actAs",)


def caller_role() -> dict[str, Any]:
    """Return the custom role of whoever runs flows."""
    return _role("bluewater flows", "Starts and watches what flows start.", (*CALLER, *ACTING))


def run_caller_role() -> dict[str, Any]:
    """Return the custom role of whoever runs flows that serve with Cloud Run."""
    return _role("bluewater services", "Serves with Cloud Run.", (*RUN_CALLER, *ACTING))


def jobs_role() -> dict[str, Any]:
    """Return the custom role of the service account that jobs and endpoints run as."""
    return _role("bluewater jobs", "Reads data and code, writes models.", JOBS)


def _role(title: str, description: str, permissions: tuple[str, ...]) -> dict[str, Any]:
    """Return a role as ``gcloud iam roles create --file`` takes it."""
    return {
        "title": title,
        "description": description,
        "stage": "GA",
        "includedPermissions": sorted(permissions),
    }
