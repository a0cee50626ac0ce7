"""What Vertex AI asks of a job beyond what its messages say: pools, machines, disks, schedules."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.cloud.aiplatform_v1.types import (
    CustomJob,
    CustomJobSpec,
    DiskSpec,
    HyperparameterTuningJob,
    Scheduling,
    WorkerPoolSpec,
)

from blocks.providers.gcp.emulator.machine_specs import is_pod, require_machine
from blocks.providers.gcp.emulator.references import (
    require_account,
    require_attachment,
    require_display_name,
    require_key,
    require_labels,
    require_network,
    require_place,
)
from blocks.providers.gcp.emulator.refusals import GcpError, invalid

_POOLS = 4  # the first machine, workers, parameter servers, evaluators
_WEEK = 7 * 24 * 3600.0  # seconds that a job may run at most
_DISKS, _LEAST_DISK, _MOST_DISK = ("", "pd-ssd", "pd-standard", "hyperdisk-balanced"), 100, 64_000


def require_runnable(
    job: CustomJob | HyperparameterTuningJob, spec: CustomJobSpec, location: str
) -> None:
    """Raise what the service says to a job that its messages allow, but its rules do not."""
    require_display_name(job.display_name)
    require_labels(job.labels)
    require_key(job.encryption_spec.kms_key_name, location)
    require_account(spec.service_account)
    require_network(spec.network)
    require_attachment(spec.psc_interface_config.network_attachment, location)
    require_place(spec.base_output_directory.output_uri_prefix, "base_output_directory")
    _require_pools(spec.worker_pool_specs)
    _require_schedule(spec)


def _require_pools(pools: Sequence[WorkerPoolSpec]) -> None:
    if len(pools) > _POOLS:
        raise invalid(f"No more than {_POOLS} worker pools can be given.")
    if pools[0].replica_count != 1:
        raise invalid("The first worker pool must have exactly one replica.")
    for number, pool in enumerate(pools):
        if number and pool == WorkerPoolSpec():
            continue  # a pool may be skipped by an empty value
        path = f"worker_pool_specs[{number}]"
        if pool.replica_count < 1:
            raise invalid(f"{path}.replica_count must be positive.")
        if "python_package_spec" in pool:
            raise GcpError(grpc.StatusCode.UNIMPLEMENTED, f"{path}: containers are emulated")
        if "container_spec" not in pool:
            raise invalid(f"{path}: container_spec or python_package_spec is required.")
        require_machine(pool.machine_spec, f"{path}.machine_spec")
        _require_disk(pool.disk_spec, f"{path}.disk_spec")


def _require_disk(disk: DiskSpec, path: str) -> None:
    if disk.boot_disk_type not in _DISKS:
        raise invalid(f"{path}.boot_disk_type {disk.boot_disk_type!r} is not supported.")
    size = disk.boot_disk_size_gb
    if size and not _LEAST_DISK <= size <= _MOST_DISK:
        raise invalid(f"{path}.boot_disk_size_gb must be from {_LEAST_DISK} to {_MOST_DISK}.")


def _require_schedule(spec: CustomJobSpec) -> None:
    scheduling = spec.scheduling
    timeout = scheduling.timeout.total_seconds() if "timeout" in scheduling else 0.0
    if not 0 <= timeout <= _WEEK:
        raise invalid("scheduling.timeout must be positive, and no longer than 7 days.")
    if "max_wait_duration" in scheduling and scheduling.max_wait_duration.total_seconds() < 0:
        raise invalid("scheduling.max_wait_duration must not be negative.")
    spot = scheduling.strategy == Scheduling.Strategy.SPOT
    if spot and any(is_pod(pool.machine_spec) for pool in spec.worker_pool_specs):
        raise invalid("scheduling.strategy SPOT is not supported with TPU Pods.")
