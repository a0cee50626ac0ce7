"""A job that can be, and what is changed of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from google.cloud import aiplatform_v1 as v1

IMAGE = "us-docker.pkg.dev/p/r/server:1"
KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
Change: TypeAlias = Callable[[Any], object]


def job(change: Change | None = None) -> v1.CustomJob:
    pool = {
        "machine_spec": {"machine_type": "n1-standard-4"},
        "replica_count": 1,
        "container_spec": {"image_uri": IMAGE, "command": ["true"]},
    }
    made = v1.CustomJob(display_name="job", job_spec={"worker_pool_specs": [pool]})
    if change is not None:
        change(made)
    return made


def machine(made: v1.CustomJob, **spec: Any) -> None:
    made.job_spec.worker_pool_specs[0].machine_spec = v1.MachineSpec(**spec)


def schedule(made: v1.CustomJob, **said: Any) -> None:
    made.job_spec.scheduling = v1.Scheduling(**said)


def on_spot(made: v1.CustomJob, **spec: Any) -> None:
    machine(made, **spec)
    schedule(made, strategy=SPOT)


def surrounded(made: v1.CustomJob) -> None:
    made.encryption_spec = {"kms_key_name": KEY}
    made.job_spec.network = "projects/1/global/networks/n"
    made.job_spec.service_account = "jobs@p.iam.gserviceaccount.com"


def pools(made: v1.CustomJob, *others: dict[str, Any]) -> None:
    first = made.job_spec.worker_pool_specs[0]
    made.job_spec.worker_pool_specs = [first, *map(v1.WorkerPoolSpec, others)]


def disk(made: v1.CustomJob, **spec: Any) -> None:
    made.job_spec.worker_pool_specs[0].disk_spec = v1.DiskSpec(**spec)


T4, A100 = v1.AcceleratorType.NVIDIA_TESLA_T4, v1.AcceleratorType.NVIDIA_TESLA_A100
SPOT = v1.Scheduling.Strategy.SPOT
POD = {"machine_type": "ct5lp-hightpu-4t", "tpu_topology": "4x4"}
