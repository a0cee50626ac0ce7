"""Vertex AI's custom jobs: what may be asked of them, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.cloud.aiplatform_v1.types import CustomJob, ListCustomJobsResponse

from blocks.providers.gcp.emulator.custom_job import Job
from blocks.providers.gcp.emulator.custom_job_run import CustomJobRun
from blocks.providers.gcp.emulator.job_rules import require_runnable
from blocks.providers.gcp.emulator.run_jobs import RunJobs
from blocks.providers.gcp.emulator.world import World


class CustomJobs(RunJobs[Job]):
    """CreateCustomJob and its kin. The trials of studies are among them."""

    word, member = "CustomJob", "custom_job"
    collection = "customJobs"
    message, listed = CustomJob, ListCustomJobsResponse

    def __init__(self, world: World) -> None:
        super().__init__(world, world.custom_jobs)
        world.levers.update({"reclaim": self._reclaim, "jobs": self._count})

    def _look_at(self, told: CustomJob) -> None:
        require_runnable(told, told.job_spec, self._world.location)

    def _run(self, name: str, told: CustomJob, *, capacity: bool) -> tuple[Job, Callable[[], None]]:
        job = Job(name, told, self._world.clock.now(), capacity=capacity)
        return job, CustomJobRun(self._world, job).to_its_end

    def _count(self, said: dict[str, Any]) -> int:
        """Tell how many jobs were ever made under a display name that begins so."""
        names = [job.told.display_name for job in self._runs.values()]
        return sum(name.startswith(said["prefix"]) for name in names)

    def _reclaim(self, said: dict[str, Any]) -> None:
        """Take a job's machines; with ``capacity`` false there are no others."""
        with self._world.lock:
            [job] = [job for name, job in self._runs.items() if name.endswith(f"/{said['job']}")]
            job.capacity = bool(said.get("capacity", True))
            job.taken.set()
