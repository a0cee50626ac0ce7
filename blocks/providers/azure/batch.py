"""Batch predictions on Azure Machine Learning: a job that scores a data set of Blob storage."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from azure.core.exceptions import AzureError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.batch_notes import Progress, Said, progress_of
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
        try:
            self._look_at(request)
            job = self._job(request, token)
            self._objects.write(self._asked(name), request.model_dump_json().encode())
            self.account.ml().jobs.create_or_update(job)
        except (AzureError, ProviderError):
            # the name is made from the token: a job of this name is the one that was asked for
            if self._found(name) is None:
                raise
        return OperationRef(
            provider=self.provider,
            capability=self.capability,
            id=name,
            token=token,
            scope={"workspace": self.account.workspace},
        )

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        job, where = self._found(ref.id), self._asked(ref.id)
        asked = self._objects.read(where) if job is not None else None
        if job is None or asked is None:
            raise NotFound(f"no batch job {ref.id} in {self.account.workspace}", code="JOB")
        told = self._objects.read(progress_of(where))
        said = self._objects.read(said_of(where)) if is_over(job) else None
        return from_job(
            job,
            self._history.run(ref.id),
            BatchRequest.model_validate_json(asked[0]),
            Said.model_validate_json(said[0]) if said else None,
            Progress.model_validate_json(told[0]) if told else None,
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

    def _look_at(self, request: BatchRequest) -> None:
        """Raise, with the remedy, for what could never run."""
        data, output = request.data_uri.rstrip("/"), request.output_uri.rstrip("/")
        if not any(self._objects.below(data)) and self._objects.head(data) is None:
            raise InvalidRequest(f"data_uri: there is nothing at {data}", code="DATA")
        if not any(self._objects.below(request.model.uri)):
            raise InvalidRequest(f"model: there is no folder {request.model.uri}", code="MODEL")
        if f"{output}/".startswith(f"{data}/"):
            raise InvalidRequest(
                f"output_uri: {output} is inside the data; it would be read as data the next time",
                code="OUTPUT",
            )

    def _job(self, request: BatchRequest, token: str) -> Any:
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        return to_command(
            request,
            token,
            account=self.account,
            image=self.image,
            asked=self._asked(self.account.named(token)),
            experiment=self.experiment,
        )

    def _found(self, name: str) -> Any:
        """Return a job, or None if there is none, also not in a moment."""
        return look_for(self.account.ml(attempts=READS).jobs.get, name)

    def request_of(self, name: str) -> BatchRequest | None:
        """Return what was asked of the job of a name, if that is still known."""
        asked = self._objects.read(self._asked(name))
        return BatchRequest.model_validate_json(asked[0]) if asked else None

    def _asked(self, name: str) -> str:
        return f"{self.account.root}/batch/{name}/request.json"

    @cached_property
    def _history(self) -> History:
        return History(self.account)

    @property
    def _objects(self) -> Objects:
        return Objects(self.account)
