"""The kinds of job that Vertex AI runs; the service has the same calls for each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import (
    BatchPredictionJob,
    CustomJob,
    HyperparameterTuningJob,
)

from blocks.contracts import OperationRef, TrainingRequest
from blocks.providers.gcp.account import ONCE, READS
from blocks.providers.gcp.lookup import look_for

COLLECTION = "collection"  # in the scope of what is no custom job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """One kind, and how the service calls it."""

    collection: str  # in resource names
    word: str  # in the names of methods and fields
    message: type[Any]

    def create(self, client: JobServiceClient, parent: str, asked: Mapping[str, Any]) -> Any:
        """Create a job; no answer means that nobody knows."""
        create = getattr(client, f"create_{self.word}")
        return create(parent=parent, **{self.word: self.message(asked)}, **ONCE)

    def get(self, client: JobServiceClient, name: str) -> Any:
        """Return a job as it is now."""
        return getattr(client, f"get_{self.word}")(name=name, **READS)

    def list(self, client: JobServiceClient, parent: str, told: str) -> Iterable[Any]:
        """Return the jobs that meet a filter."""
        asked = {"parent": parent, "filter": told}
        found: Iterable[Any] = getattr(client, f"list_{self.word}s")(asked, **READS)
        return found

    def cancel(self, client: JobServiceClient, name: str) -> None:
        """Ask a job to stop; what is over, or unknown, stays so."""

        def cancel() -> bool:
            getattr(client, f"cancel_{self.word}")(name=name, **READS)
            return True

        with contextlib.suppress(FailedPrecondition):  # it is over
            look_for(cancel)


CUSTOM = JobKind(collection="customJobs", word="custom_job", message=CustomJob)
TUNING = JobKind(
    collection="hyperparameterTuningJobs",
    word="hyperparameter_tuning_job",
    message=HyperparameterTuningJob,
)
PREDICTION = JobKind(
    collection="batchPredictionJobs", word="batch_prediction_job", message=BatchPredictionJob
)


def kind_for(request: TrainingRequest) -> JobKind:
    """Return the kind of job that a request takes."""
    return CUSTOM if request.study is None else TUNING


def kind_of(ref: OperationRef) -> JobKind:
    """Return the kind of job that a reference names."""
    return TUNING if ref.scope.get(COLLECTION) == TUNING.collection else CUSTOM
