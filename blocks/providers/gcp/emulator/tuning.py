"""Vertex AI's hyperparameter tuning jobs: what may be asked of them, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable

from google.cloud.aiplatform_v1.types import (
    HyperparameterTuningJob,
    ListHyperparameterTuningJobsResponse,
)

from blocks.providers.gcp.emulator.job_rules import require_runnable
from blocks.providers.gcp.emulator.refusals import invalid
from blocks.providers.gcp.emulator.run_jobs import RunJobs
from blocks.providers.gcp.emulator.suggestions import require_searchable
from blocks.providers.gcp.emulator.tuning_run import TuningRun


class TuningJobs(RunJobs[TuningRun]):
    """CreateHyperparameterTuningJob and its kin."""

    word, member = "HyperparameterTuningJob", "hyperparameter_tuning_job"
    collection = "hyperparameterTuningJobs"
    message, listed = HyperparameterTuningJob, ListHyperparameterTuningJobsResponse

    def _look_at(self, told: HyperparameterTuningJob) -> None:
        require_runnable(told, told.trial_job_spec, self._world.location)
        require_searchable(told.study_spec)
        if told.max_trial_count < 1 or told.parallel_trial_count < 1:
            raise invalid("max_trial_count and parallel_trial_count must be positive.")
        if told.parallel_trial_count > told.max_trial_count:
            raise invalid("parallel_trial_count must not exceed max_trial_count.")

    def _run(
        self, name: str, told: HyperparameterTuningJob, *, capacity: bool
    ) -> tuple[TuningRun, Callable[[], None]]:
        run = TuningRun(self._world, name, told, capacity=capacity)
        return run, run.to_its_end
