"""Vertex AI's custom jobs: what may be asked of them, and what is told of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import grpc
from google.cloud.aiplatform_v1.types import (
    CustomJob,
    DeleteOperationMetadata,
    JobState,
    ListCustomJobsResponse,
)
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import ENDS, Job
from blocks.providers.gcp.emulator.custom_job_run import CustomJobRun
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.job_rules import require_runnable
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.refusals import GcpError, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.world import World

FIELDS = ("display_name", "state", "create_time", "update_time", "labels", "name")  # of filters


class CustomJobs:
    """CreateCustomJob and its kin. A job runs in a thread of its own until it is over."""

    unlocked: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs = world.custom_jobs
        world.levers.update({"reclaim": self._reclaim, "jobs": self._count})

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            "JobService.CreateCustomJob": self._create,
            "JobService.GetCustomJob": lambda asked: self._known(asked.name, "Get").told,
            "JobService.ListCustomJobs": self._list,
            "JobService.CancelCustomJob": self._cancel,
            "JobService.DeleteCustomJob": self._delete,
        }

    def _create(self, asked: Any) -> CustomJob:
        told = asked.custom_job
        require_runnable(told, told.job_spec, self._world.location)
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        job = Job(self._world.name("customJobs"), asked.custom_job, self._world.clock.now())
        job.capacity = not self._world.faults.take("stock-out", "*", job.told.display_name)
        self._jobs[job.name] = job
        answer = CustomJob(job.told)
        run = CustomJobRun(self._world, job)
        threading.Thread(target=run.to_its_end, name=job.name, daemon=True).start()
        return answer

    def _list(self, asked: Any) -> ListCustomJobsResponse:
        stale = self._world.faults.take("stale-read", "aiplatform:ListCustomJobs")
        meets = matcher(asked.filter, FIELDS)
        newest = sorted(self._jobs.values(), key=lambda job: -job.number)
        found = [
            job.told
            for job in newest
            if meets(CustomJob.to_dict(job.told, use_integers_for_enums=False))
        ]
        some, token = page(found[1:] if stale else found, asked)
        return ListCustomJobsResponse(custom_jobs=some, next_page_token=token)

    def _cancel(self, asked: Any) -> Empty:
        job = self._known(asked.name, "Cancel")
        if job.told.state in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"CustomJob {job.name} is in state {job.told.state.name}, and cannot be cancelled.",
            )
        job.move(JobState.JOB_STATE_CANCELLING, self._world.clock.now())
        job.stop.set()
        return Empty()

    def _delete(self, asked: Any) -> Operation:
        job = self._known(asked.name, "Delete")
        if job.told.state not in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION, f"CustomJob {job.name} is still running."
            )
        del self._jobs[job.name]
        return self._world.operations.done(job.name, Empty(), DeleteOperationMetadata())

    def _known(self, name: str, verb: str) -> Job:
        job = self._jobs.get(name)
        if job is None or self._world.faults.take(
            "stale-read", f"aiplatform:{verb}CustomJob", name.rpartition("/")[2]
        ):
            raise not_found(name)
        return job

    def _count(self, said: dict[str, Any]) -> int:
        """Tell how many jobs were ever made under a display name that begins so."""
        names = [job.told.display_name for job in self._jobs.values()]
        return sum(name.startswith(said["prefix"]) for name in names)

    def _reclaim(self, said: dict[str, Any]) -> None:
        """Take a job's machines; with ``capacity`` false there are no others."""
        with self._world.lock:
            found = [job for name, job in self._jobs.items() if name.endswith(f"/{said['job']}")]
            found[0].capacity = bool(said.get("capacity", True))
            found[0].taken.set()
