"""Batch predictions on Azure Machine Learning: a job that scores a data set of Blob storage."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any, ClassVar

from azure.core.exceptions import AzureError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.batch_notes import Progress, Said, progress_of
from blocks.cloud.job_files import read_request, require_scorable
from blocks.cloud.named import make_named
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
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch_calls import from_job, to_command
from blocks.providers.azure.errors import explain
from blocks.providers.azure.history import History
from blocks.providers.azure.images import serving_image
from blocks.providers.azure.inside import said_of
from blocks.providers.azure.jobs import is_over
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.objects import Objects


class AzureBatch(Block, BatchInference):
    """Scores data sets with command jobs of Azure Machine Learning.

    Each file is scored and written by itself. A job that lost its machine is over; its next
    attempt begins after the last finished file.
    """

    _block_type_name = "Azure batch"
    _block_type_slug = "azure-batch"

    provider: ClassVar[str] = "azure"
    features: ClassVar[BatchFeatures] = BatchFeatures(
        idempotency=Idempotency.NAMED,
        spot=False,
    )

    account: AzureAccount = Field(default_factory=AzureAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image,
        description="Image, or azureml:NAME:VERSION, of the jobs, with bluewater in it.",
    )
    experiment: str = Field(default="bluewater", description="Experiment that jobs belong to.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: BatchRequest, token: str) -> OperationRef:
        name = self.account.named(token)
        make_named(
            lambda: self._create(request, name, token), partial(self._found, name), explain=explain
        )
        return self._reference(name, token, workspace=self.account.workspace)

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        job = self._found(ref.id)
        request = self.request_of(ref.id) if job is not None else None
        if job is None or request is None:
            raise NotFound(f"no batch job {ref.id} in {self.account.workspace}", code="JOB")
        said, done = self._told(ref.id, is_over=is_over(job))
        return from_job(job, self._history.run(ref.id), request, said, done)

    def _told(self, name: str, *, is_over: bool) -> tuple[Said | None, float | None]:
        """Return the last words of a job, and the share of its files that are done."""
        where = self._asked(name)
        told = self._objects.read(progress_of(where))
        said = self._objects.read(said_of(where)) if is_over else None
        return (
            Said.model_validate_json(said[0]) if said else None,
            Progress.model_validate_json(told[0]).share if told else None,
        )

    def _cancel(self, ref: OperationRef) -> None:
        job = self._found(ref.id)
        if job is None or is_over(job):
            return
        try:
            self.account.ml().jobs.begin_cancel(ref.id, polling=False)
        except AzureError:
            now = self._found(ref.id)  # it may have ended in the meantime
            if now is not None and not is_over(now):
                raise

    def _create(self, request: BatchRequest, name: str, token: str) -> None:
        """Create a job, after a look at what would make it fail when it starts."""
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        require_scorable(self._objects, request)
        job = to_command(
            request,
            token,
            account=self.account,
            image=self.image,
            asked=self._asked(name),
            experiment=self.experiment,
        )
        self._objects.write(self._asked(name), request.model_dump_json().encode())
        self.account.ml().jobs.create_or_update(job)

    def _found(self, name: str, *, patient: bool = True) -> Any:
        """Return a job, or None if there is none; if patient, it is looked for again."""
        return look_for(self.account.ml(attempts=READS).jobs.get, name, patient=patient)

    def request_of(self, name: str) -> BatchRequest | None:
        """Return what was asked of the job of a name, if that is still known."""
        return read_request(self._objects, self._asked(name))

    def _asked(self, name: str) -> str:
        return f"{self.account.root}/batch/{name}/request.json"

    @cached_property
    def _history(self) -> History:
        return History(self.account)

    @property
    def _objects(self) -> Objects:
        return Objects(self.account)
