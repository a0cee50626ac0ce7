"""What jobs of Vertex AI left in their output places, beside the models."""

from __future__ import annotations

import json
from dataclasses import dataclass

from google.cloud.aiplatform_v1.types import CustomJob, HyperparameterTuningJob

from blocks.cloud.job_files import read_outcome
from blocks.contracts import OperationRef
from blocks.providers.gcp.account import TOKEN_LABEL, GcpAccount
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.job_environment import progress_name, starts_name
from blocks.providers.gcp.joblog import last_lines
from blocks.providers.gcp.study_calls import StudyLeft, model_place
from blocks.providers.gcp.training_calls import Left, is_over, output_of

_LAST_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Reads them, with the account's own rights."""

    account: GcpAccount
    objects: Objects

    def of_job(self, job: CustomJob, ref: OperationRef) -> Left:
        """Return what a job left by now."""
        output, over = output_of(job), is_over(job)
        token = job.labels.get(TOKEN_LABEL, ref.token)
        outcome = read_outcome(self.objects, output, token) if over else None
        return Left(
            outcome=outcome,
            starts=self._starts(f"{output}/{starts_name(token)}"),
            progress=self._progress(f"{output}/{progress_name(token)}"),
            last_lines=self._last_lines(ref) if over and outcome is None else "",
        )

    def of_study(self, job: HyperparameterTuningJob, ref: OperationRef) -> StudyLeft:
        """Return what the trials of a study left, once it is over."""
        if not is_over(job):
            return StudyLeft()
        token = job.labels.get(TOKEN_LABEL, ref.token)
        places = {each.id: model_place(job, each.id) for each in job.trials}
        found = {id_: read_outcome(self.objects, place, token) for id_, place in places.items()}
        outcomes = {id_: outcome for id_, outcome in found.items() if outcome is not None}
        return StudyLeft(
            outcomes=outcomes,
            starts={
                id_: self._starts(f"{place}/{starts_name(token)}") for id_, place in places.items()
            },
            last_lines="" if outcomes else self._last_lines(ref),
        )

    def _last_lines(self, ref: OperationRef) -> str:
        return last_lines(self.account, ref.id, _LAST_LINES)

    def _starts(self, uri: str) -> int:
        found = self.objects.read(uri)
        return int(found[0] or 0) if found else 0

    def _progress(self, uri: str) -> float | None:
        found = self.objects.read(uri)
        if found is None:
            return None
        told = json.loads(found[0])
        return min(1.0, max(0.0, told["done"] / told["of"])) if told["of"] else None
