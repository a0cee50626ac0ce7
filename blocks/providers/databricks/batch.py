"""Batch predictions on Databricks: a one-time run that scores a data set of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.compute import TerminationReason
from databricks.sdk.service.jobs import BaseRun, Run
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
    Unsupported,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.batch_calls import PACKAGE, asked_of, from_run, said_of, to_submit
from blocks.providers.databricks.clusters import RUNTIME
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.images import instance_pools, named_job, serving_image, wheel
from blocks.providers.databricks.lookup import (
    cancel_run,
    found_run,
    reason_of_cluster,
    submitted,
)
from blocks.providers.databricks.placement import SERVERLESS, Placement, pool_for
from blocks.providers.databricks.runs import BATCH, is_over
from blocks.providers.databricks.volumes import Volumes


class DatabricksBatch(Block, BatchInference):
    """Scores data sets with one-time runs.

    Each file is scored and written by itself. A run that lost its machine is over; its next
    attempt begins after the last finished file.
    """

    _block_type_name = "Databricks batch"
    _block_type_slug = "databricks-batch"

    provider: ClassVar[str] = "databricks"
    package: ClassVar[str] = PACKAGE  # what its task runs
    features: ClassVar[BatchFeatures] = BatchFeatures(idempotency=Idempotency.NATIVE, spot=True)

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Where and as whom."
    )
    image: str = Field(
        default_factory=serving_image, description="Image of the runs, with bluewater in it."
    )
    wheel: str = Field(
        default_factory=wheel,
        description="Path of bluewater's wheel in a volume, where there is no image.",
    )
    job: str = Field(
        default_factory=named_job,
        description="Name of a job in the workspace whose runs these are, so that its page shows "
        "all attempts; empty: one-time runs.",
        pattern=r"^[\w-]{0,100}$",
    )
    runtime: str = Field(default=RUNTIME, description="Version of Databricks' runtime.")
    pools: Sequence[str] = Field(
        default_factory=instance_pools,
        description="Ids of instance pools, from which runs on their machines take them.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: BatchRequest, token: str) -> OperationRef:
        self._look_at(request)
        name = self.account.named(token)
        asked = f"{self.account.root}/batch/{name}/request.json"
        call = to_submit(
            request,
            name,
            asked=asked,
            placement=self._placement(request),
            wheel=self.wheel,
            package=self.package,
            tags=self.account.tags(
                kind=BATCH,
                token=token,
                spot="yes" if request.spot else "no",
                machine=request.machine,
            ),
        )
        self._volumes.write(asked, request.model_dump_json().encode())
        return self._reference(
            submitted(self.account, call, job=self.job), token, workspace=self.account.host
        )

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        run = found_run(self.account, ref.id)
        request = self.request_of(run) if run is not None else None
        if run is None or request is None:
            raise NotFound(f"no batch run {ref.id} in {self.account.host}", code="RUN")
        asked, over = asked_of(run), is_over(run)
        told = self._volumes.read(progress_of(asked))
        said = self._volumes.read(said_of(asked)) if over else None
        return from_run(
            run,
            request,
            Said.model_validate_json(said[0]) if said else None,
            Progress.model_validate_json(told[0]) if told else None,
            self._reason(run) if over and said is None else None,
        )

    def _cancel(self, ref: OperationRef) -> None:
        cancel_run(self.account, ref.id)

    def request_of(self, run: Run | BaseRun) -> BatchRequest | None:
        """Return what was asked of a run, if that is still known."""
        place = asked_of(run)
        return read_request(self._volumes, place) if place else None

    def _placement(self, request: BatchRequest) -> Placement:
        return Placement(
            cloud=self.account.cloud,
            image=self.image,
            runtime=self.runtime,
            pool=pool_for(self.account, self.pools, request.machine, spot=request.spot),
            dependencies=[self.wheel],
        )

    def _look_at(self, request: BatchRequest) -> None:
        """Raise, with the remedy, for what could never run."""
        if request.machine == SERVERLESS and (request.spot or not self.wheel):
            raise Unsupported(
                "serverless compute has no spot, and runs no image; set spot=False, and name a "
                "wheel of bluewater in a volume",
                code="SERVERLESS",
            )
        if not self.image and not self.wheel:
            raise InvalidRequest(
                "image: name an image with bluewater in it, or a wheel of it", code="IMAGE"
            )
        require_scorable(self._volumes, request)

    def _reason(self, run: Run) -> TerminationReason | None:
        try:
            return reason_of_cluster(self.account, run)
        except DatabricksError:
            return None  # clusters are forgotten sooner than runs

    @property
    def _volumes(self) -> Volumes:
        return Volumes(self.account)
