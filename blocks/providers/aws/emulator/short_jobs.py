"""Jobs of SageMaker that get one machine and end with it: of processing, and of batch transform."""

from __future__ import annotations

import abc
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

log = logging.getLogger(__name__)

Answer = dict[str, Any]

ERROR = "InternalServerError: We encountered an internal error. Please try again."
_LATE = 3600.0  # of the cloud's seconds
_NO_MACHINE = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
    "different ML instance type."
)


class Over(Exception):
    """The job is over, with its last state and a reason."""

    def __init__(self, status: str, reason: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(slots=True, kw_only=True)
class Job:
    """What is known of a job. Guarded by the world's lock."""

    kind: str  # Processing or Transform: the word that its members begin with
    name: str
    arn: str
    asked: Answer
    created: float
    status: str = "InProgress"
    reason: str | None = None
    words: str | None = None  # the container's last
    began: float | None = None
    ended: float | None = None
    changed: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    broken: threading.Event = field(default_factory=threading.Event)

    def told(self) -> Answer:
        """Return what a description adds to the request, and more."""
        return {
            f"{self.kind}JobArn": self.arn,
            f"{self.kind}JobStatus": self.status,
            "FailureReason": self.reason,
            "ExitMessage": self.words,
            "CreationTime": self.created,
            "LastModifiedTime": self.changed or self.created,
            f"{self.kind}StartTime": self.began,
            f"{self.kind}EndTime": self.ended,
        }


class ShortJobs(abc.ABC):
    """The operations of one kind of jobs. A job runs in a thread of its own until it is over."""

    kind: str
    noun: str  # in ARNs
    lever: str  # by which the machine of a job breaks

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs: dict[str, Job] = {}
        world.levers[self.lever] = lambda said: self._jobs[said["job"]].broken.set()

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            f"Create{self.kind}Job": self.create,
            f"Describe{self.kind}Job": self.describe,
            f"List{self.kind}Jobs": self.list,
            f"Stop{self.kind}Job": self.stop,
        }

    def create(self, asked: Answer) -> Answer:
        """Start a job; its name is unique for ever."""
        name, world = asked[f"{self.kind}JobName"], self._world
        arn = world.arn(self.noun, name)
        if name in self._jobs:
            told = f"Job name must be unique within an AWS account and region ({arn})"
            raise AwsError("ResourceInUse", told)
        self._check(asked)
        job = Job(kind=self.kind, name=name, arn=arn, asked=asked, created=world.clock.now())
        self._jobs[name] = job
        world.tag(arn, asked.get("Tags"))
        run = self._run(job)
        run.capacity = not world.faults.take("capacity-error", "*", name)
        run.late = _LATE if world.faults.take("late-machine", "*", name) else 0.0
        threading.Thread(target=run.to_its_end, name=name, daemon=True).start()
        return {f"{self.kind}JobArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell all of a job."""
        operation = f"Describe{self.kind}Job"
        job = self._known(asked[f"{self.kind}JobName"], f"sagemaker:{operation}")
        model = shapes.operation("sagemaker", operation)
        assert model is not None  # noqa: S101
        return shapes.known_members(model, {**job.asked, **job.told()})

    def list(self, asked: Answer) -> Answer:
        """List jobs, the newest first."""
        arn, status = f"{self.kind}JobArn", f"{self.kind}JobStatus"
        keys = (arn, "CreationTime", "LastModifiedTime", status)
        found = [
            {f"{self.kind}JobName": job.name, **{key: job.told()[key] for key in keys}}
            for job in self._jobs.values()
        ]
        some, token = listed(found, asked, f"{self.kind}Job")
        return {f"{self.kind}JobSummaries": some, "NextToken": token}

    def stop(self, asked: Answer) -> Answer:
        """Ask a job to stop."""
        job = self._known(asked[f"{self.kind}JobName"], f"sagemaker:Stop{self.kind}Job")
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

    @abc.abstractmethod
    def _check(self, asked: Answer) -> None: ...
    @abc.abstractmethod
    def _run(self, job: Job) -> ShortRun: ...


class ShortRun(abc.ABC):
    """Runs a job as SageMaker does, in the thread that calls."""

    capacity = True  # whether there is a machine
    late = 0.0  # seconds that it takes longer than usual

    def __init__(self, world: World, job: Job) -> None:
        self._world, self._job = world, job

    def to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the job's failure."""
        try:
            self._machine()
            self._work(self._folder())
        except Over as over:
            self._end(over.status, over.reason)
        except Exception:
            log.exception("%s job %s", self._job.kind, self._job.name)
            self._end("Failed", ERROR)

    @abc.abstractmethod
    def _work(self, folder: Path) -> None:
        """Do all that a machine does for the job. Raises Over."""

    def _begin(self) -> float:
        """Note that the machine works from now on; return when that is."""
        with self._world.lock:
            self._job.began = self._world.clock.now()
        return self._job.began

    def _machine(self) -> None:
        if not self.capacity:
            raise Over("Failed", _NO_MACHINE)
        clock = self._world.clock
        ready = clock.now() + self._world.settings.provisioning + self.late
        if clock.wait(self._job.stop, until=ready) or self._job.stop.is_set():
            raise Over("Stopped")

    def _folder(self) -> Path:
        folder = self._world.folder / f"{self._job.kind.lower()}-jobs" / self._job.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _end(self, status: str, reason: str | None) -> None:
        with self._world.lock:
            now = self._world.clock.now()
            self._job.status, self._job.reason = status, reason
            self._job.ended = self._job.changed = now
