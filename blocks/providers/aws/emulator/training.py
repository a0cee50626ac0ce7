"""SageMaker's training jobs: what may be asked of them, and what is told of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.aws.disks import has_own_disk
from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.job_rules import (
    check_channels,
    check_expression,
    check_mode,
    check_volume_key,
    is_in_ecr,
)
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.training_job import Job
from blocks.providers.aws.emulator.training_run import TrainingRun
from blocks.providers.aws.emulator.warm_pools import taken, told_of_pool
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_EMULATED = {
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "Tags",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "Environment",
}
_MACHINES = {
    "InstanceType",
    "InstanceCount",
    "VolumeSizeInGB",
    "VolumeKmsKeyId",
    "KeepAlivePeriodInSeconds",
}
_LONGEST = 28 * 86_400  # seconds
_USUAL = {  # what a description says where nothing was asked
    "EnableManagedSpotTraining": False,
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
}
_MISSING = "Requested resource not found."


class TrainingJobs:
    """CreateTrainingJob and its kin. A job runs in a thread of its own until it is over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs: dict[str, Job] = {}
        world.levers.update({"reclaim": self._reclaim, "capacity": self._capacity})

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
        }

    def create(self, asked: Answer) -> Answer:
        """Start a job; its name is unique for ever."""
        name, world = asked["TrainingJobName"], self._world
        arn = world.arn("training-job", name)
        if name in self._jobs:
            raise AwsError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a "
                f"training job with this name already exists ({arn})",
            )
        _check(asked)
        job = Job(name=name, arn=arn, asked=asked, created=world.clock.now())
        job.capacity = not world.faults.take("capacity-error", "*", name)
        warm = taken(self._jobs.values(), job, job.created)
        self._jobs[name] = job
        world.tag(arn, asked.get("Tags"))
        run = TrainingRun(world, job, warm=warm)
        threading.Thread(target=run.to_its_end, name=name, daemon=True).start()
        return {"TrainingJobArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell all of a job."""
        job = self._known(asked["TrainingJobName"], "sagemaker:DescribeTrainingJob")
        model = shapes.operation("sagemaker", "DescribeTrainingJob")
        assert model is not None  # noqa: S101
        pool = {"WarmPoolStatus": told_of_pool(job, self._world.clock.now())}
        return {**_USUAL, **shapes.known_members(model, job.asked), **job.told(), **pool}

    def list(self, asked: Answer) -> Answer:
        """List jobs, the newest first."""
        stale = self._world.faults.take("stale-read", "sagemaker:ListTrainingJobs")
        found = [_summary(job) for job in sorted(self._jobs.values(), key=lambda job: job.created)]
        some, token = listed(found[:-1] if stale else found, asked, "TrainingJob")
        return {"TrainingJobSummaries": some, "NextToken": token}

    def stop(self, asked: Answer) -> Answer:
        """Ask a job to stop; it has two minutes to do so."""
        job = self._known(asked["TrainingJobName"], "sagemaker:StopTrainingJob")
        if job.status != "InProgress":
            raise AwsError(
                "ValidationException",
                f"The request was rejected because the training job is in status {job.status}.",
            )
        job.move("Stopping", "Stopping the training job", self._world.clock.now())
        job.stop.set()
        return {}

    def _known(self, name: str, call: str) -> Job:
        job = self._jobs.get(name)
        if job is None or self._world.faults.take("stale-read", call, name):
            raise AwsError("ValidationException", _MISSING)
        return job

    def _reclaim(self, said: Answer) -> None:
        """Take a job's machine; with ``capacity`` false there is no other until told."""
        with self._world.lock:
            job = self._jobs[said["job"]]
            job.capacity = bool(said.get("capacity", True))
            job.taken.set()

    def _capacity(self, said: Answer) -> None:
        """Let a job find a machine again, or no longer."""
        with self._world.lock:
            self._jobs[said["job"]].capacity = bool(said["there"])


def _check(asked: Answer) -> None:
    """Raise what the service says to a request that its model allows, but its rules do not."""
    if unknown := sorted({*asked} - _EMULATED):
        raise AwsError("UnknownOperationException", f"not emulated: {', '.join(unknown)}", 501)
    for needed in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if needed not in asked:
            raise AwsError("ValidationException", f"{needed} must be specified")
    _check_algorithm(asked["AlgorithmSpecification"])
    _check_limits(asked["StoppingCondition"], spot=asked.get("EnableManagedSpotTraining", False))
    check_channels(asked.get("InputDataConfig", []))
    _check_machines(asked["ResourceConfig"], spot=asked.get("EnableManagedSpotTraining", False))


def _check_machines(resources: Answer, *, spot: bool) -> None:
    if unknown := sorted({*resources} - _MACHINES):
        raise AwsError("UnknownOperationException", f"not emulated: {', '.join(unknown)}", 501)
    if not resources.get("InstanceType") or not resources.get("InstanceCount"):
        raise AwsError("ValidationException", "InstanceType and InstanceCount must be specified")
    if "VolumeSizeInGB" not in resources and not has_own_disk(resources["InstanceType"]):
        raise AwsError("ValidationException", "VolumeSizeInGB must be specified")
    check_volume_key(resources)
    if spot and resources.get("KeepAlivePeriodInSeconds"):
        told = "KeepAlivePeriodInSeconds is not supported when EnableManagedSpotTraining is true"
        raise AwsError("ValidationException", told)


def _check_algorithm(algorithm: Answer) -> None:
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        told = "You must specify exactly one of TrainingImage and AlgorithmName."
        raise AwsError("ValidationException", told)
    if "TrainingImage" not in algorithm:
        raise AwsError("UnknownOperationException", "not emulated: AlgorithmName", 501)
    if not is_in_ecr(algorithm["TrainingImage"]):
        told = (
            "TrainingImageConfig with TrainingRepositoryAccessMode set to VPC must be provided "
            "when using a training image from a private Docker registry."
        )
        raise AwsError("ValidationException", told)
    check_mode(algorithm["TrainingInputMode"])
    for each in algorithm.get("MetricDefinitions", []):
        check_expression(each["Regex"])


def _check_limits(limits: Answer, *, spot: bool) -> None:
    if limits.get("MaxRuntimeInSeconds", 0) > _LONGEST:
        told = f"MaxRuntimeInSeconds must be less than or equal to {_LONGEST}"
        raise AwsError("ValidationException", told)
    wait, runtime = limits.get("MaxWaitTimeInSeconds"), limits.get("MaxRuntimeInSeconds", 86400)
    if not spot and wait is not None:
        raise AwsError(
            "ValidationException",
            "MaxWaitTimeInSeconds above MaxRuntimeInSeconds is only allowed when "
            "EnableManagedSpotTraining is true",
        )
    if spot and (wait is None or wait < runtime):
        raise AwsError(
            "ValidationException",
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds",
        )


def _summary(job: Job) -> Answer:
    told = job.told()
    known = (
        "TrainingJobName",
        "TrainingJobArn",
        "CreationTime",
        "TrainingEndTime",
        "LastModifiedTime",
        "TrainingJobStatus",
        "SecondaryStatus",
    )
    return {name: told[name] for name in known if told.get(name) is not None}
