"""One machine of a training job: its folder laid out like /opt/ml, and the container on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blocks.emulation.containers import Container
from blocks.providers.aws.emulator.training_job import Job, Over
from blocks.providers.aws.emulator.world import World

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
STAND_IN, TOOLKIT = (("python", "-m", f"{__package__}.{name}") for name in ("stand_in", "toolkit"))
_SUBMITTED = "sagemaker_submit_directory"  # that the toolkit of a framework's image looks for


def start_node(world: World, job: Job, host: str, serial: int) -> Container:
    """Fill a machine and start the job's command on it.

    ``serial`` tells the machines apart that one host gets one after the other. Raises Over where
    there is no data, or no such command.
    """
    folder = _folder(world, job, host, serial)
    for name, value in _configuration(job, host).items():
        (folder / "input" / "config" / f"{name}.json").write_text(json.dumps(value))
    _fill(world, job, folder)
    stream = f"{job.name}/{host}-{int(world.clock.now())}-{serial}"

    def hear(line: str) -> None:
        world.logs.write(LOG_GROUP, stream, line)
        with world.lock:
            job.hear(line, world.clock.now())

    algorithm = job.asked["AlgorithmSpecification"]
    own = TOOLKIT if _SUBMITTED in job.asked.get("HyperParameters", {}) else STAND_IN
    entrypoint = algorithm.get("ContainerEntrypoint") or own
    command = [*entrypoint, *algorithm.get("ContainerArguments", [])]
    env = {
        **world.container_env(),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
        **job.asked.get("Environment", {}),
    }
    try:
        return world.containers.run(f"training-job/{job.name}/{host}", folder, command, env, hear)
    except OSError as error:
        raise Over("Failed", f"AlgorithmError: {error}, exit code: 127") from error


def _folder(world: World, job: Job, host: str, serial: int) -> Path:
    folder = world.folder / "training-jobs" / job.name / f"{host}-{serial}"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("input/config", "input/data", "model", "output/data", "checkpoints"):
        (folder / name).mkdir(parents=True)
    return folder


def _configuration(job: Job, host: str) -> Mapping[str, Any]:
    """Return the files that SageMaker writes below input/config, by their names."""
    channels = {
        each["ChannelName"]: {
            "TrainingInputMode": "File",
            "S3DistributionType": each["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": "None",
        }
        for each in job.asked.get("InputDataConfig", [])
    }
    return {
        "hyperparameters": job.asked.get("HyperParameters", {}),
        "inputdataconfig": channels,
        "resourceconfig": {
            "current_host": host,
            "current_instance_type": job.asked["ResourceConfig"]["InstanceType"],
            "hosts": [f"algo-{number}" for number in range(1, job.count + 1)],
            "network_interface_name": "lo",
        },
    }


def _fill(world: World, job: Job, folder: Path) -> None:
    """Download the channels, and what checkpoints there are."""
    for channel in job.asked.get("InputDataConfig", []):
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        place = folder / "input" / "data" / channel["ChannelName"]
        place.mkdir(exist_ok=True)
        if not world.objects.download(uri, place):
            raise Over(
                "Failed",
                f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" '
                "given in input data source. Please ensure that the bucket exists in the "
                f"selected region ({world.region}), that objects exist under that S3 prefix, and "
                "that the role has permission to list them.",
            )
    checkpoints = job.asked.get("CheckpointConfig")
    if checkpoints:
        world.objects.download(f"{checkpoints['S3Uri'].rstrip('/')}/", folder / "checkpoints")
