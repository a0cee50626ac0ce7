"""Batch predictions on Vertex AI: a custom job that scores a data set of Cloud Storage."""

from __future__ import annotations

import contextlib
from functools import cached_property, partial
from typing import ClassVar

from google.api_core.exceptions import FailedPrecondition
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import CustomJob
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.batch_notes import Progress, Said, progress_of
from blocks.cloud.job_files import read_request, require_scorable
from blocks.cloud.markers import Markers
from blocks.cloud.submission import Submission
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
from blocks.providers.gcp.account import ONCE, READS, TOKEN_LABEL, GcpAccount
from blocks.providers.gcp.batch_calls import from_batch_job, said_of, to_batch_job
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.images import serving_image
from blocks.providers.gcp.lookup import is_id, look_for


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
        job = Submission(
            token,
            Markers(self._objects, f"{self.account.root}/submitted"),
            find=partial(self._labelled, token),
            create=partial(self._create, request, token),
            drop=lambda id_: self._cancel(self._ref(id_, token)),
            explain=explain,
        ).id()
        return self._ref(job, token)

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        request = self.request_of(ref.token)
        job = self._found(ref.id) if request else None
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
        def cancel() -> bool:
            self._jobs.cancel_custom_job(name=self._name(ref.id), **READS)
            return True

        with contextlib.suppress(FailedPrecondition):  # it is over
            look_for(cancel)

    def request_of(self, token: str) -> BatchRequest | None:
        """Return what was asked of the job of a token, if that is still known."""
        return read_request(self._objects, self._asked(token))

    def _create(self, request: BatchRequest, token: str) -> str:
        """Create a job, after a look at what would make it fail when it starts."""
        self._look_at(request)
        asked = self._asked(token)
        self._objects.write(asked, request.model_dump_json().encode())
        job = to_batch_job(
            request,
            token,
            account=self.account,
            image=self.image,
            asked=asked,
            disk_gb=self.boot_disk_gb,
        )
        made = self._jobs.create_custom_job(
            parent=self.account.parent, custom_job=CustomJob(job), **ONCE
        )
        return str(made.name.rpartition("/")[2])

    def _look_at(self, request: BatchRequest) -> None:
        """Raise, with the remedy, for what could never run."""
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        require_scorable(self._objects, request)

    def _labelled(self, token: str) -> str | None:
        """Return the id of the first job that carries a token, if one shows."""
        asked = {
            "parent": self.account.parent,
            "filter": f'{self.account.mine} AND labels.{TOKEN_LABEL}="{token}"',
        }
        ids = [job.name.rpartition("/")[2] for job in self._jobs.list_custom_jobs(asked, **READS)]
        return str(min(ids, key=int)) if ids else None

    def _found(self, id_: str) -> CustomJob | None:
        if not is_id(id_):
            return None
        return look_for(lambda: self._jobs.get_custom_job(name=self._name(id_), **READS))

    def _ref(self, id_: str, token: str) -> OperationRef:
        return self._reference(
            id_,
            token,
            project=self.account.project_id,
            location=self.account.location,
        )

    def _name(self, id_: str) -> str:
        return f"{self.account.parent}/customJobs/{id_}"

    def _asked(self, token: str) -> str:
        return f"{self.account.root}/batch/{token}/request.json"

    @property
    def _jobs(self) -> JobServiceClient:
        return self.account.client(JobServiceClient)

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)
