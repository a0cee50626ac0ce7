"""Vertex AI's batch prediction jobs: what may be asked of them, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.cloud.aiplatform_v1.types import BatchPredictionJob, ListBatchPredictionJobsResponse

from blocks.providers.gcp.emulator.prediction_rules import model_of, require_predictable
from blocks.providers.gcp.emulator.prediction_run import PredictionRun
from blocks.providers.gcp.emulator.run_jobs import FIELDS, RunJobs
from blocks.providers.gcp.emulator.world import World


class PredictionJobs(RunJobs[PredictionRun]):
    """CreateBatchPredictionJob and its kin."""

    word, member = "BatchPredictionJob", "batch_prediction_job"
    collection = "batchPredictionJobs"
    message, listed = BatchPredictionJob, ListBatchPredictionJobsResponse
    fields = (*FIELDS, "model_display_name")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.levers["reclaim-replicas"] = self._reclaim

    def _look_at(self, told: BatchPredictionJob) -> None:
        require_predictable(self._world, told)
        model_of(self._world, told)

    def _run(
        self, name: str, told: BatchPredictionJob, *, capacity: bool
    ) -> tuple[PredictionRun, Callable[[], None]]:
        model = model_of(self._world, told)
        run = PredictionRun(self._world, name, told, model, capacity=capacity)
        return run, run.to_its_end

    def _reclaim(self, said: dict[str, Any]) -> None:
        """Take a job's machines; with ``capacity`` false there are no others."""
        [run] = [run for name, run in self._runs.items() if name.endswith(f"/{said['job']}")]
        run.lose(capacity=bool(said.get("capacity", True)))
