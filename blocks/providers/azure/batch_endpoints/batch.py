"""Batch predictions by Azure's own batch endpoints: one for each model, a job for each request."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from blocks.cloud.batch_notes import Said
from blocks.cloud.job_files import is_object, require_scorable
from blocks.contracts import BatchFeatures, BatchRequest, Idempotency, InvalidRequest
from blocks.providers.azure.batch import AzureBatch
from blocks.providers.azure.batch_endpoints.calls import (
    Options,
    OutputAction,
    cluster_name,
    home_of,
    to_invocation,
)
from blocks.providers.azure.batch_endpoints.places import MOST, Places
from blocks.providers.azure.batch_endpoints.told import together, told_below, told_by_all
from blocks.providers.azure.endpoint_calls import identity_of
from blocks.providers.azure.invoking import own_headers


class AzureBatchEndpoints(AzureBatch):
    """Scores data sets with batch endpoints of Azure Machine Learning.

    The endpoint of a model has a deployment for each version, with our scoring script, on a
    cluster whose machines come and go with the jobs. What is missing is made when a version is
    asked for the first time.
    """

    _block_type_name = "Azure batch endpoints"
    _block_type_slug = "azure-batch-endpoints-batch"

    provider: ClassVar[str] = "azure-batch-endpoints"
    features: ClassVar[BatchFeatures] = BatchFeatures(
        idempotency=Idempotency.NAMED,
        spot=True,
    )

    cluster: str = Field(default="", description="Compute cluster; empty: one for each machine.")
    spot_cluster: str = Field(
        default="", description="The same of the low-priority tier; empty: one for each machine."
    )
    cluster_idle: timedelta = Field(
        default=timedelta(minutes=2), description="How long a cluster keeps idle machines."
    )
    identity: str = Field(
        default="",
        description="Resource id of the identity of clusters that are made; empty: their own.",
    )
    identity_client: str = Field(default="", description="Client id of that identity.")
    instances: int = Field(default=1, ge=1, description="Machines of a job.")
    concurrency: int = Field(default=1, ge=1, description="Processes of a machine.")
    files_at_once: int = Field(default=1, ge=1, description="Files of a mini-batch.")
    file_timeout: timedelta = Field(
        default=timedelta(hours=1), description="How long a mini-batch may take."
    )
    retries: int = Field(default=1, ge=0, description="How often a mini-batch is tried again.")
    failures: int = Field(
        default=0, ge=-1, description="Files that may fail before the job does; -1: any number."
    )
    output_action: OutputAction = Field(
        default="summary_only", description="append_row: Azure lists what was scored, in a file."
    )
    versions: int = Field(
        default=MOST, ge=2, le=MOST, description="Versions that stay deployed; the oldest goes."
    )
    patience: timedelta = Field(
        default=timedelta(minutes=2),
        description="How long a request waits for what is made; then it is to be asked again.",
    )

    def _create(self, request: BatchRequest, name: str, token: str) -> None:
        """Invoke the endpoint of the model, after a look at what would make the job fail."""
        if self._found(name, patient=False) is not None:
            return  # what it took may be gone since
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        require_scorable(self._objects, request)
        single = is_object(self._objects, request.data_uri)
        deployment = self._deployed(request)
        asked = to_invocation(
            request, name, account=self.account, is_object=single, deployment=deployment
        )
        self._objects.write(self._asked(name), request.model_dump_json().encode())
        with own_headers():
            self.account.ml().batch_endpoints.invoke(**asked, experiment_name=self.experiment)

    def _deployed(self, request: BatchRequest) -> str:
        """Return the deployment of the request's model, made where it is missing."""
        spot, machine = request.spot, request.machine
        named = self.spot_cluster if spot else self.cluster
        cluster = named or cluster_name(self.account, machine, spot=spot)
        places = Places(self.account, patience=self.patience, versions=self.versions)
        places.require_cluster(
            cluster,
            machine=machine,
            spot=spot,
            nodes=self.instances,
            idle=self.cluster_idle,
            identity=identity_of(self.identity),
        )
        return places.require(request, cluster, self._options())

    def _options(self) -> Options:
        return Options(
            image=self.image,
            identity_client=self.identity_client,
            instances=self.instances,
            concurrency=self.concurrency,
            files_at_once=self.files_at_once,
            file_timeout=self.file_timeout,
            retries=self.retries,
            failures=self.failures,
            output_action=self.output_action,
        )

    def _told(self, name: str, *, is_over: bool) -> tuple[Said | None, float | None]:
        """Return the last words of a job, and the share of its files that are done."""
        home = told_below(home_of(self.account), name)
        told = together(told_by_all(self._objects, home))
        if told is None:
            return None, None
        return (told if is_over else None), (len(told.done) / told.of if told.of else None)
