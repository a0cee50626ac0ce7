"""SageMaker's processing jobs: inputs are brought, a command is run, its last words are kept."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.emulation.containers import Container
from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.job_rules import check_volume_key, is_in_ecr
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.own_programs import own_program
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import MOUNT, World

log = logging.getLogger(__name__)

Answer = dict[str, Any]

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_LOOK_EVERY = 0.02  # of our own seconds
_WORDS = 1024  # of an exit message
_ERROR = "InternalServerError: We encountered an internal error. Please try again."
_NO_MACHINE = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
    "different ML instance type."
)
_EMULATED = {
    "ProcessingJobName",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "Tags",
}


class _Over(Exception):
    """The job is over, with its last state and a reason."""

    def __init__(self, status: str, reason: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(slots=True, kw_only=True)
class Job:
    """What is known of a job. Guarded by the world's lock."""

    name: str
    arn: str
    asked: Answer
    created: float
    status: str = "InProgress"
    reason: str | None = None
    words: str | None = None
    began: float | None = None
    ended: float | None = None
    changed: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    broken: threading.Event = field(default_factory=threading.Event)

    def told(self) -> Answer:
        """Return what a description adds to the request."""
        return {
            "ProcessingJobArn": self.arn,
            "ProcessingJobStatus": self.status,
            "FailureReason": self.reason,
            "ExitMessage": self.words,
            "CreationTime": self.created,
            "LastModifiedTime": self.changed or self.created,
            "ProcessingStartTime": self.began,
            "ProcessingEndTime": self.ended,
        }


class ProcessingJobs:
    """CreateProcessingJob and its kin. A job runs in a thread of its own until it is over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs: dict[str, Job] = {}
        world.levers["break-machine"] = lambda said: self._jobs[said["job"]].broken.set()

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateProcessingJob": self.create,
            "DescribeProcessingJob": self.describe,
            "ListProcessingJobs": self.list,
            "StopProcessingJob": self.stop,
        }

    def create(self, asked: Answer) -> Answer:
        """Start a job; its name is unique for ever."""
        name, world = asked["ProcessingJobName"], self._world
        arn = world.arn("processing-job", name)
        if name in self._jobs:
            told = f"Job name must be unique within an AWS account and region ({arn})"
            raise AwsError("ResourceInUse", told)
        if unknown := sorted({*asked} - _EMULATED):
            told = f"not emulated: {', '.join(unknown)}"
            raise AwsError("UnknownOperationException", told, 501)
        _check_machines(asked["ProcessingResources"]["ClusterConfig"])
        _check_outputs(asked)
        application = asked["AppSpecification"]
        if not is_in_ecr(application["ImageUri"]):
            told = f"Invalid image URI {application['ImageUri']}. Please provide a valid Amazon "
            told += "Elastic Container Registry path of the Docker image to run."
            raise AwsError("ValidationException", told)
        if not application.get("ContainerEntrypoint"):
            own_program(application["ImageUri"])
        job = Job(name=name, arn=arn, asked=asked, created=world.clock.now())
        self._jobs[name] = job
        world.tag(arn, asked.get("Tags"))
        run = ProcessingRun(world, job, capacity=not world.faults.take("capacity-error", "*", name))
        threading.Thread(target=run.to_its_end, name=name, daemon=True).start()
        return {"ProcessingJobArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell all of a job."""
        job = self._known(asked["ProcessingJobName"], "sagemaker:DescribeProcessingJob")
        model = shapes.operation("sagemaker", "DescribeProcessingJob")
        assert model is not None  # noqa: S101
        return {**shapes.known_members(model, job.asked), **job.told()}

    def list(self, asked: Answer) -> Answer:
        """List jobs, the newest first."""
        keys = ("ProcessingJobArn", "CreationTime", "LastModifiedTime", "ProcessingJobStatus")
        found = [
            {"ProcessingJobName": job.name, **{key: job.told()[key] for key in keys}}
            for job in self._jobs.values()
        ]
        some, token = listed(found, asked, "ProcessingJob")
        return {"ProcessingJobSummaries": some, "NextToken": token}

    def stop(self, asked: Answer) -> Answer:
        """Ask a job to stop."""
        job = self._known(asked["ProcessingJobName"], "sagemaker:StopProcessingJob")
        if job.status != "InProgress":
            told = f"The request was rejected because the job is in status {job.status}."
            raise AwsError("ValidationException", told)
        job.status, job.changed = "Stopping", self._world.clock.now()
        job.stop.set()
        return {}

    def _known(self, name: str, call: str) -> Job:
        job = self._jobs.get(name)
        if job is None or self._world.faults.take("stale-read", call, name):
            told = f"Could not find requested job with name: {name}"
            raise AwsError("ValidationException", told)
        return job


class ProcessingRun:
    """Runs a job as SageMaker does, in the thread that calls."""

    def __init__(self, world: World, job: Job, *, capacity: bool) -> None:
        self._world, self._job, self._capacity = world, job, capacity

    def to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the job's failure."""
        try:
            self._machine()
            self._work()
        except _Over as over:
            self._end(over.status, over.reason)
        except Exception:
            log.exception("processing job %s", self._job.name)
            self._end("Failed", _ERROR)

    def _machine(self) -> None:
        if not self._capacity:
            raise _Over("Failed", _NO_MACHINE)
        clock = self._world.clock
        ready = clock.now() + self._world.settings.provisioning
        if clock.wait(self._job.stop, until=ready) or self._job.stop.is_set():
            raise _Over("Stopped")

    def _work(self) -> None:
        job, clock = self._job, self._world.clock
        folder = self._world.folder / "processing-jobs" / job.name
        shutil.rmtree(folder, ignore_errors=True)
        self._fill(folder)
        with self._world.lock:
            job.began = clock.now()
        container = self._started(folder)
        limit = job.asked.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
        while container.poll() is None:
            if job.broken.is_set():
                container.end()
                raise _Over("Failed", _ERROR)
            overdue = clock.now() >= job.began + limit
            if job.stop.wait(_LOOK_EVERY) or overdue:
                container.stop(clock, grace=self._world.settings.grace)
                self._hear(folder)
                raise _Over("Stopped")
        status = container.end()
        self._hear(folder)
        if status:
            raise _Over("Failed", f"AlgorithmError: See job logs for more information, {status}")
        self._bring(folder)
        raise _Over("Completed")

    def _started(self, folder: Path) -> Container:
        job, world = self._job, self._world
        application = job.asked["AppSpecification"]
        program = application.get("ContainerEntrypoint") or own_program(application["ImageUri"])
        command = [*program, *application.get("ContainerArguments", [])]
        stream = f"{job.name}/algo-1-{int(world.clock.now())}"
        env = {
            **world.container_env(),
            "PROCESSING_JOB_NAME": job.name,
            **job.asked.get("Environment", {}),
        }

        def hear(line: str) -> None:
            world.logs.write(LOG_GROUP, stream, line)

        name = f"processing-job/{job.name}/algo-1"
        return world.containers.run(name, folder, command, env, hear)

    def _fill(self, folder: Path) -> None:
        """Bring the inputs to where the container looks for them. Raises _Over without any."""
        folder.mkdir(parents=True)
        for each in self._job.asked.get("ProcessingInputs", []):
            source = each["S3Input"]
            place = folder / _below(source["LocalPath"])
            place.mkdir(parents=True)
            if not self._world.objects.download(source["S3Uri"], place):
                told = f'No S3 objects found under S3 URL "{source["S3Uri"]}"'
                raise _Over("Failed", f"ClientError: Data download failed:{told}")
        for _, place in self._outputs(folder):
            place.mkdir(parents=True)

    def _outputs(self, folder: Path) -> list[tuple[str, Path]]:
        """Return where each output goes, and the folder that is kept of it."""
        told = self._job.asked.get("ProcessingOutputConfig", {}).get("Outputs", [])
        outputs = [each["S3Output"] for each in told]
        return [(each["S3Uri"], folder / _below(each["LocalPath"])) for each in outputs]

    def _bring(self, folder: Path) -> None:
        """Bring the outputs to S3, as SageMaker does at the end of a job. Raises _Over."""
        for uri, place in self._outputs(folder):
            if not self._world.objects.has_bucket(uri):
                raise _Over("Failed", f"ClientError: Data upload failed: no bucket for {uri}")
            self._world.objects.upload(place, uri)

    def _hear(self, folder: Path) -> None:
        """Keep the container's last words."""
        file = folder / "output" / "message"
        if file.exists():
            with self._world.lock:
                self._job.words = file.read_text(errors="replace")[:_WORDS]

    def _end(self, status: str, reason: str | None) -> None:
        with self._world.lock:
            now = self._world.clock.now()
            self._job.status, self._job.reason = status, reason
            self._job.ended = self._job.changed = now


def _check_machines(cluster: Answer) -> None:
    if cluster["InstanceCount"] > 1:
        raise AwsError("UnknownOperationException", "not emulated: several instances", 501)
    check_volume_key(cluster)


def _check_outputs(asked: Answer) -> None:
    """Raise what SageMaker says to outputs that its model allows, but its rules do not."""
    outputs = asked.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for each in outputs:
        target = each.get("S3Output")
        if target is None or target["S3UploadMode"] != "EndOfJob":
            told = "only outputs that go to S3 at the end of a job are emulated"
            raise AwsError("UnknownOperationException", told, 501)
    places = [
        told["LocalPath"]
        for told in (
            *(each["S3Input"] for each in asked.get("ProcessingInputs", [])),
            *(each["S3Output"] for each in outputs),
        )
    ]
    for place in places:
        if not place.startswith(f"{MOUNT}/processing/"):
            told = f"LocalPath must begin with {MOUNT}/processing/, not {place}"
            raise AwsError("ValidationException", told)
    if len(set(places)) < len(places):
        raise AwsError("ValidationException", "LocalPath must be unique across inputs and outputs")


def _below(place: str) -> str:
    return place.removeprefix(f"{MOUNT}/")
