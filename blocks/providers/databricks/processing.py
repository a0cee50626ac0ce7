"""Commands near the data of a volume, as one-time runs on a cluster of their own."""

from __future__ import annotations

from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Idempotency,
    InvalidRequest,
    OperationRef,
    ProcessingFeatures,
    ProcessingRequest,
    ProviderError,
)
from blocks.processing_by_training import ProcessingByTraining
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clusters import RUNTIME
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.images import serving_image
from blocks.providers.databricks.places import path_of
from blocks.providers.databricks.training import DatabricksTraining
from blocks.providers.databricks.volumes import Volumes


class DatabricksProcessing(Block, ProcessingByTraining):
    """Runs commands as Python tasks on job clusters, which have the volumes mounted.

    A Spark program is run by the task itself, where the session of the cluster is.
    A run that lost its machine is over; its next attempt begins anew.
    """

    _block_type_name = "Databricks processing"
    _block_type_slug = "databricks-processing"

    provider: ClassVar[str] = "databricks"
    features: ClassVar[ProcessingFeatures] = ProcessingFeatures(
        idempotency=Idempotency.NATIVE, spark=True, scheme="dbfs", max_duration=None
    )

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Where and as whom."
    )
    image: str = Field(
        default_factory=serving_image,
        description="Image of runs whose request names none; empty: the runtime as it is.",
    )
    runtime: str = Field(default=RUNTIME, description="Version of Databricks' runtime.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _training(self) -> DatabricksTraining:
        return DatabricksTraining(account=self.account, image=self.image, runtime=self.runtime)

    def _submit(self, request: ProcessingRequest, token: str) -> OperationRef:
        volumes = Volumes(self.account)
        for name, uri in request.inputs.items():
            if not any(volumes.below(uri)) and volumes.head(uri) is None:
                raise InvalidRequest(f"inputs.{name}: there is nothing at {uri}", code="INPUT")
        for uri in request.outputs.values():
            path_of(uri)
        return super()._submit(request, token)
