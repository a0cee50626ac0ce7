"""Batch predictions by Vertex AI's own jobs for them, on several machines at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar

from google.cloud.aiplatform_v1.types import BatchPredictionJob
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.batch_notes import Said
from blocks.cloud.job_files import read_request, require_scorable
from blocks.contracts import (
    BatchFeatures,
    BatchInference,
    BatchRequest,
    BatchResult,
    Idempotency,
    InvalidRequest,
    NotFound,
    OperationRef,
    OperationStatus,
    ProviderError,
    Unsupported,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.images import serving_image
from blocks.providers.gcp.job_kinds import PREDICTION
from blocks.providers.gcp.keyed_jobs import KeyedJobs
from blocks.providers.gcp.prediction.calls import (
    File,
    are_answers,
    files_of,
    from_batch_prediction_job,
    from_lines,
    is_overdue,
    to_batch_prediction_job,
    to_lines,
)
from blocks.providers.gcp.training_calls import is_over


class VertexBatchPrediction(Block, BatchInference):
    """Scores data sets with batch prediction jobs: each machine takes the next file.

    Only the names of the files go through Vertex AI; rows are read and written by the machines, in
    parts. These jobs know no spot machines, no network of yours, and no limit of time: our server
    keeps that, and whoever looks stops what still goes on. A file is one request to that server,
    for which Google documents no limit of time, either: keep files to minutes of scoring.
    """

    _block_type_name = "Vertex AI batch prediction"
    _block_type_slug = "gcp-batch-prediction-batch"

    provider: ClassVar[str] = "gcp-batch-prediction"
    features: ClassVar[BatchFeatures] = BatchFeatures(idempotency=Idempotency.LISTED, spot=False)

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the servers, with bluewater in it."
    )
    replicas: int = Field(
        default=1, ge=1, le=100, description="Machines that score at once, each a file at a time."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _require(self, request: BatchRequest) -> None:
        super()._require(request)
        if self.account.network or self.account.network_attachment:
            raise Unsupported(
                "batch prediction jobs run in no network of yours; score with gcp-batch, or leave "
                "network and network_attachment empty",
                code="NETWORK",
            )

    def _submit(self, request: BatchRequest, token: str) -> OperationRef:
        job = self._jobs.submit(token, lambda: self._told(request, token))
        return self._reference(
            job, token, project=self.account.project_id, location=self.account.location
        )

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        asked = self._asked(ref.token)
        request = read_request(self._objects, asked)
        job = self._jobs.find(ref.id) if request else None
        if job is None or request is None:
            raise NotFound(f"no batch job {ref.id} in {self.account.parent}", code="JOB")
        if not is_over(job) and is_overdue(job, request, datetime.now(UTC)):
            self._jobs.cancel(ref.id)
        files = self._objects.read(files_of(asked))
        answers = tuple(self._answers(job)) if is_over(job) else ()
        count = len(files[0].splitlines()) if files else 0
        return from_batch_prediction_job(job, request, answers, files=count)

    def _cancel(self, ref: OperationRef) -> None:
        self._jobs.cancel(ref.id)

    def _told(self, request: BatchRequest, token: str) -> Mapping[str, Any]:
        """Write a request and its files down, and return its job. Raises what could never run."""
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        found = require_scorable(self._objects, request)
        files, asked = [File(uri=each.uri, name=each.name) for each in found], self._asked(token)
        self._objects.write(asked, request.model_dump_json().encode())
        self._objects.write(files_of(asked), to_lines(files))
        return to_batch_prediction_job(
            request,
            token,
            account=self.account,
            image=self.image,
            asked=asked,
            replicas=min(self.replicas, len(files)),
        )

    def _answers(self, job: BatchPredictionJob) -> Iterator[Said]:
        folder = job.output_info.gcs_output_directory
        for found in self._objects.below(folder) if folder else ():
            content = self._objects.read(found.uri) if are_answers(found.name) else None
            if content is not None:
                yield from from_lines(content[0])

    def _asked(self, token: str) -> str:
        return f"{self.account.root}/batch/{token}/request.json"

    @property
    def _jobs(self) -> KeyedJobs:
        return KeyedJobs(
            account=self.account,
            kind=PREDICTION,
            bucket=self._objects,
            markers="submitted-predictions",
        )

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)
