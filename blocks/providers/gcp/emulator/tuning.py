"""Vertex AI's hyperparameter tuning jobs: what may be asked of them, and what is told of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import grpc
from google.cloud.aiplatform_v1.types import (
    DeleteOperationMetadata,
    HyperparameterTuningJob,
    JobState,
    ListHyperparameterTuningJobsResponse,
)
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import ENDS
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.job_rules import require_runnable
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.suggestions import require_searchable
from blocks.providers.gcp.emulator.training import FIELDS
from blocks.providers.gcp.emulator.tuning_run import TuningRun
from blocks.providers.gcp.emulator.world import World


class TuningJobs:
    """CreateHyperparameterTuningJob and its kin. A job runs in a thread until it is over."""

    unlocked: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[str, TuningRun] = {}

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        known = self._known
        return {
            "JobService.CreateHyperparameterTuningJob": self._create,
            "JobService.GetHyperparameterTuningJob": lambda asked: known(asked.name, "Get").told,
            "JobService.ListHyperparameterTuningJobs": self._list,
            "JobService.CancelHyperparameterTuningJob": self._cancel,
            "JobService.DeleteHyperparameterTuningJob": self._delete,
        }

    def _create(self, asked: Any) -> HyperparameterTuningJob:
        told = asked.hyperparameter_tuning_job
        _check(told, self._world.location)
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        name = self._world.name("hyperparameterTuningJobs")
        capacity = not self._world.faults.take("stock-out", "*", told.display_name)
        run = TuningRun(self._world, name, told, capacity=capacity)
        self._runs[name] = run
        answer = HyperparameterTuningJob(run.told)
        threading.Thread(target=run.to_its_end, name=name, daemon=True).start()
        return answer

    def _list(self, asked: Any) -> ListHyperparameterTuningJobsResponse:
        stale = self._world.faults.take("stale-read", "aiplatform:ListHyperparameterTuningJobs")
        meets, kind = matcher(asked.filter, FIELDS), HyperparameterTuningJob
        found = [
            run.told
            for run in reversed(self._runs.values())
            if meets(kind.to_dict(run.told, use_integers_for_enums=False))
        ]
        some, token = page(found[1:] if stale else found, asked)
        return ListHyperparameterTuningJobsResponse(
            hyperparameter_tuning_jobs=some, next_page_token=token
        )

    def _cancel(self, asked: Any) -> Empty:
        run = self._known(asked.name, "Cancel")
        if run.told.state in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"HyperparameterTuningJob {asked.name} is in state {run.told.state.name}, and "
                "cannot be cancelled.",
            )
        run.move(JobState.JOB_STATE_CANCELLING)
        run.stop.set()
        return Empty()

    def _delete(self, asked: Any) -> Operation:
        run = self._known(asked.name, "Delete")
        if run.told.state not in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"HyperparameterTuningJob {asked.name} is still running.",
            )
        del self._runs[asked.name]
        return self._world.operations.done(asked.name, Empty(), DeleteOperationMetadata())

    def _known(self, name: str, verb: str) -> TuningRun:
        run = self._runs.get(name)
        call = f"aiplatform:{verb}HyperparameterTuningJob"
        if run is None or self._world.faults.take("stale-read", call, name.rpartition("/")[2]):
            raise not_found(name)
        return run


def _check(job: HyperparameterTuningJob, location: str) -> None:
    """Raise what the service says to a job that its messages allow, but its rules do not."""
    require_runnable(job, job.trial_job_spec, location)
    require_searchable(job.study_spec)
    if job.max_trial_count < 1 or job.parallel_trial_count < 1:
        raise invalid("max_trial_count and parallel_trial_count must be positive.")
    if job.parallel_trial_count > job.max_trial_count:
        raise invalid("parallel_trial_count must not exceed max_trial_count.")
