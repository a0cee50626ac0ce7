"""One machine of a custom job: its bucket mount, its variables, and the container on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import JobState

from blocks.emulation.containers import Container
from blocks.providers.gcp.emulator.bucket_mount import BucketMount
from blocks.providers.gcp.emulator.custom_job import Job, Over
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.variables import filled
from blocks.providers.gcp.emulator.world import World

LOG_KIND = "ml_job"
STAND_IN = ("python", "-m", f"{__package__}.stand_in")
_NO_SUCH_COMMAND = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One replica of a worker pool on its machine."""

    task: str  # as in workerpool0-0
    container: Container
    mount: BucketMount


def start_node(world: World, job: Job, pool: int, index: int, *, serial: int) -> Node:
    """Mount the buckets of a machine and start the pool's command on it.

    ``serial`` tells the machines apart that one replica gets one after the other. Raises Over
    where there is no such command.
    """
    task = f"workerpool{pool}-{index}"
    home = world.folder / "custom-jobs" / job.id / f"{task}-{serial}"
    shutil.rmtree(home, ignore_errors=True)
    (home / "tmp").mkdir(parents=True)
    spec = job.told.job_spec.worker_pool_specs[pool].container_spec
    given = {**world.container_env(), "TMPDIR": str(home / "tmp"), **_variables(job, pool, index)}
    env = filled(given, spec.env)
    command = [*(spec.command or STAND_IN), *spec.args]
    mount = BucketMount(world, home / "gcs")
    mount.fill([*env.values(), *command])
    labels = {**job.log_labels, "task_name": task}

    def hear(line: str) -> None:
        world.logs.write(task, line, kind=LOG_KIND, labels=labels, entry_labels=job.line_labels)

    name = f"custom-job/{job.id}/{task}/{job.told.display_name}"
    try:
        container = world.containers.run(name, mount.folder, command, env, hear)
    except OSError as error:
        message = f"The replica {task} exited with a non-zero status of {_NO_SUCH_COMMAND}. {error}"
        status = GcpError(grpc.StatusCode.INVALID_ARGUMENT, message).status()
        raise Over(JobState.JOB_STATE_FAILED, status) from error
    return Node(task=task, container=container, mount=mount)


def _variables(job: Job, pool: int, index: int) -> Mapping[str, str]:
    """Return what Vertex AI sets for a container of a job."""
    spec = job.told.job_spec
    cluster = json.dumps(_cluster(job, pool, index))
    told = {"CLOUD_ML_JOB_ID": job.id, "CLUSTER_SPEC": cluster, **job.env}
    output = spec.base_output_directory.output_uri_prefix.rstrip("/")
    if output:
        told |= {
            "AIP_MODEL_DIR": f"{output}/model/",
            "AIP_CHECKPOINT_DIR": f"{output}/checkpoints/",
            "AIP_TENSORBOARD_LOG_DIR": f"{output}/logs/",
        }
    return told


def _cluster(job: Job, pool: int, index: int) -> dict[str, Any]:
    hosts = {
        f"workerpool{number}": [
            f"cmle-training-workerpool{number}-{job.id}-{each}:2222"
            for each in range(spec.replica_count)
        ]
        for number, spec in enumerate(job.told.job_spec.worker_pool_specs)
        if spec.replica_count
    }
    return {
        "cluster": hosts,
        "environment": "cloud",
        "task": {"type": f"workerpool{pool}", "index": index},
    }
