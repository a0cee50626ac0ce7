"""Batch predictions on Vertex AI: a custom job that scores a data set of Cloud Storage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.batch_notes import Progress, Said, progress_of
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
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.batch_calls import from_batch_job, said_of, to_batch_job
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.images import serving_image
from blocks.providers.gcp.job_kinds import CUSTOM
from blocks.providers.gcp.keyed_jobs import KeyedJobs


class VertexBatch(Block, BatchInference):
    """Scores data sets with custom jobs of Vertex AI, on demand or on spot machines.

    Each file is scored and written by itself. A job that lost its machine is over; its next
    attempt begins after the last finished file.
    """

    _block_type_name = "Vertex AI batch"
    _block_type_slug = "gcp-batch"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[BatchFeatures] = BatchFeatures(idempotency=Idempotency.LISTED, spot=True)

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the jobs, with bluewater in it."
    )
    boot_disk_gb: int = Field(
        default=100, ge=100, description="Disk of the machine, in GB: two of the largest files fit."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: BatchRequest, token: str) -> OperationRef:
        job = self._jobs.submit(token, lambda: self._told(request, token))
        return self._reference(
            job, token, project=self.account.project_id, location=self.account.location
        )

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        request = self.request_of(ref.token)
        job = self._jobs.find(ref.id) if request else None
        if job is None or request is None:
            raise NotFound(f"no batch job {ref.id} in {self.account.parent}", code="JOB")
        said = self._objects.read(said_of(self._asked(ref.token)))
        told = self._objects.read(progress_of(self._asked(ref.token)))
        return from_batch_job(
            job,
            request,
            said=Said.model_validate_json(said[0]) if said else None,
            progress=Progress.model_validate_json(told[0]) if told else None,
        )

    def _cancel(self, ref: OperationRef) -> None:
        self._jobs.cancel(ref.id)

    def request_of(self, token: str) -> BatchRequest | None:
        """Return what was asked of the job of a token, if that is still known."""
        return read_request(self._objects, self._asked(token))

    def _told(self, request: BatchRequest, token: str) -> Mapping[str, Any]:
        """Write a request down and return its job, after a look at what would make it fail."""
        self._look_at(request)
        asked = self._asked(token)
        self._objects.write(asked, request.model_dump_json().encode())
        return to_batch_job(
            request,
            token,
            account=self.account,
            image=self.image,
            asked=asked,
            disk_gb=self.boot_disk_gb,
        )

    def _look_at(self, request: BatchRequest) -> None:
        """Raise, with the remedy, for what could never run."""
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        require_scorable(self._objects, request)

    def _asked(self, token: str) -> str:
        return f"{self.account.root}/batch/{token}/request.json"

    @property
    def _jobs(self) -> KeyedJobs:
        return KeyedJobs(account=self.account, kind=CUSTOM, bucket=self._objects)

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)
