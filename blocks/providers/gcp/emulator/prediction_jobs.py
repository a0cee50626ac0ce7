"""Vertex AI's batch prediction jobs: what may be asked of them, and what is told of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import grpc
from google.cloud.aiplatform_v1.types import (
    BatchPredictionJob,
    DeleteOperationMetadata,
    JobState,
    ListBatchPredictionJobsResponse,
)
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import ENDS
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.prediction_rules import model_of, require_predictable
from blocks.providers.gcp.emulator.prediction_run import PredictionRun
from blocks.providers.gcp.emulator.refusals import GcpError, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.training import FIELDS
from blocks.providers.gcp.emulator.world import World


class PredictionJobs:
    """CreateBatchPredictionJob and its kin. A job runs in a thread until it is over."""

    unlocked: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[str, PredictionRun] = {}
        world.levers["reclaim-replicas"] = self._reclaim

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            "JobService.CreateBatchPredictionJob": self._create,
            "JobService.GetBatchPredictionJob": lambda asked: self._known(asked.name, "Get").told,
            "JobService.ListBatchPredictionJobs": self._list,
            "JobService.CancelBatchPredictionJob": self._cancel,
            "JobService.DeleteBatchPredictionJob": self._delete,
        }

    def _create(self, asked: Any) -> BatchPredictionJob:
        told = asked.batch_prediction_job
        require_predictable(self._world, told)
        model = model_of(self._world, told)
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        capacity = not self._world.faults.take("stock-out", "*", told.display_name)
        name = self._world.name("batchPredictionJobs")
        self._runs[name] = run = PredictionRun(self._world, name, told, model, capacity=capacity)
        answer = BatchPredictionJob(run.told)
        threading.Thread(target=run.to_its_end, name=name, daemon=True).start()
        return answer

    def _list(self, asked: Any) -> ListBatchPredictionJobsResponse:
        stale = self._world.faults.take("stale-read", "aiplatform:ListBatchPredictionJobs")
        meets = matcher(asked.filter, (*FIELDS, "model_display_name"))
        newest = [run.told for run in reversed(self._runs.values())]
        found = [
            told
            for told in newest
            if meets(BatchPredictionJob.to_dict(told, use_integers_for_enums=False))
        ]
        some, token = page(found[1:] if stale else found, asked)
        return ListBatchPredictionJobsResponse(batch_prediction_jobs=some, next_page_token=token)

    def _cancel(self, asked: Any) -> Empty:
        run = self._known(asked.name, "Cancel")
        if run.told.state in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"BatchPredictionJob {asked.name} is in state {run.told.state.name}, and cannot be "
                "cancelled.",
            )
        run.move(JobState.JOB_STATE_CANCELLING)
        run.stop.set()
        return Empty()

    def _delete(self, asked: Any) -> Operation:
        run = self._known(asked.name, "Delete")
        if run.told.state not in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"BatchPredictionJob {asked.name} is still running.",
            )
        del self._runs[asked.name]
        return self._world.operations.done(asked.name, Empty(), DeleteOperationMetadata())

    def _known(self, name: str, verb: str) -> PredictionRun:
        run = self._runs.get(name)
        if run is None or self._world.faults.take(
            "stale-read", f"aiplatform:{verb}BatchPredictionJob", name.rpartition("/")[2]
        ):
            raise not_found(name)
        return run

    def _reclaim(self, said: dict[str, Any]) -> None:
        """Take a job's machines; with ``capacity`` false there are no others."""
        [run] = [run for name, run in self._runs.items() if name.endswith(f"/{said['job']}")]
        run.lose(capacity=bool(said.get("capacity", True)))
