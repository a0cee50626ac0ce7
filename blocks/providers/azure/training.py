"""Training on Azure Machine Learning: serverless machines or a cluster, on demand or on spot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, ClassVar

from azure.core.exceptions import AzureError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.job_files import data_is_object, read_outcome
from blocks.cloud.named import make_named
from blocks.contracts import (
    Idempotency,
    InvalidRequest,
    LogLine,
    NotFound,
    OperationRef,
    OperationStatus,
    ProviderError,
    TrainingFeatures,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
    Unsupported,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.clusters import Clusters
from blocks.providers.azure.errors import explain
from blocks.providers.azure.history import History
from blocks.providers.azure.images import training_image
from blocks.providers.azure.jobs import is_over, is_waiting
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.notes import read_notes, settle_notes
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.secret import AzureSecrets
from blocks.providers.azure.training_calls import (
    MAX_SPOT,
    Notes,
    Options,
    from_job,
    notes_of,
    output_of,
    to_command,
)


class AzureTraining(Block, TrainingJobs):
    """Runs command jobs on Azure Machine Learning; spot machines that it loses, it replaces."""

    _block_type_name = "Azure training"
    _block_type_slug = "azure-training"

    provider: ClassVar[str] = "azure"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.NAMED,
        spot=True,
        multi_node=True,
        zones=False,  # a workspace is in a region, and takes what machines it has
        studies=False,
        max_duration=timedelta(days=21),
    )

    account: AzureAccount = Field(default_factory=AzureAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=training_image,
        description="Image, or azureml:NAME:VERSION, of jobs whose request names none.",
    )
    cluster: str = Field(
        default="", description="Compute cluster to run on; empty: serverless machines."
    )
    spot_cluster: str = Field(
        default="", description="Cluster of low-priority machines for spot, beside the other one."
    )
    cluster_nodes: int = Field(
        default=0, ge=0, description="Make a cluster that is missing, of so many machines at most."
    )
    cluster_idle: timedelta = Field(
        default=timedelta(minutes=2), description="How long such a cluster keeps idle machines."
    )
    spot_wait: timedelta = Field(
        default=timedelta(hours=6),
        description="How long a job that lost its machine may wait for another one.",
    )
    experiment: str = Field(default="bluewater", description="Experiment that jobs belong to.")
    mlflow_plugin: bool = Field(
        default=False,
        description="Images have azureml-mlflow; else MLflow logs to the workspace without it.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        name = self.account.named(token)
        make_named(
            lambda: self.account.ml().jobs.create_or_update(self._job(request, token)),
            partial(self._found, name),
            explain=explain,
        )
        return self._ref(name, token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        job = self._described(ref.id)
        notes, run = self._noted(job, ref.token), self._history.run(ref.id)
        outcome = read_outcome(self._objects, output_of(job), ref.token) if is_over(job) else None
        lines = self._history.last_lines(run) if run is not None else []
        return from_job(job, run, notes, outcome, lines)

    def _cancel(self, ref: OperationRef) -> None:
        cancel = partial(self.account.ml().jobs.begin_cancel, ref.id, polling=False)
        try:
            cancel()
        except AzureError:
            job = self._found(ref.id)  # it is over, was never there, or was not seen yet
            if job is not None and not is_over(job):
                cancel()

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        job = self._described(ref.id)
        run = self._history.run(ref.id)
        if run is not None:
            yield from self._history.lines(run, job.creation_context.created_at, since)

    @cached_property
    def _history(self) -> History:
        return History(self.account)

    @property
    def _objects(self) -> Objects:
        return Objects(self.account)

    def _ref(self, name: str, token: str) -> OperationRef:
        return self._reference(name, token, workspace=self.account.workspace)

    def _job(self, request: TrainingRequest, token: str) -> Any:
        """Return the job, after a look at what would make it fail when it starts."""
        if request.spot and request.max_duration > MAX_SPOT:
            raise Unsupported(f"spot jobs end after {MAX_SPOT}; ask for less", code="MAX_DURATION")
        secrets = AzureSecrets(account=self.account)
        for name in request.secrets.values():
            secrets.get(name)
        options = self._options(request)
        is_object = data_is_object(self._objects, request)
        if options.cluster and self.cluster_nodes:
            Clusters(self.account).require(
                options.cluster,
                machine=request.machine,
                spot=request.spot,
                nodes=max(self.cluster_nodes, request.nodes),
                idle=self.cluster_idle,
            )
        return to_command(
            request, token, account=self.account, options=options, data_is_object=is_object
        )

    def _options(self, request: TrainingRequest) -> Options:
        if not request.image and not self.image:
            raise InvalidRequest("image: jobs run in containers; name an image", code="IMAGE")
        if request.spot and self.cluster and not self.spot_cluster:
            raise Unsupported("no cluster of low-priority machines; set spot_cluster", code="SPOT")
        cluster = self.spot_cluster if request.spot else self.cluster
        return Options(
            image=self.image,
            cluster=cluster,
            experiment=self.experiment,
            mlflow_plugin=self.mlflow_plugin,
        )

    def _noted(self, job: Any, token: str) -> Notes:
        """Return the notes on a job; one that waits too long for a machine is given up."""
        folder = notes_of(job, token)
        notes = read_notes(self._objects, folder)
        if is_over(job) or not notes.starts:
            return notes
        if is_waiting(job):
            job = self._described(job.name)  # it may have started between the two looks
        notes = settle_notes(self._objects, folder, notes, waiting=is_waiting(job))
        if notes.given_up or self._waited_too_long(notes):
            self._objects.write(f"{folder}/given-up", b"")
            self.cancel(self._ref(job.name, token))
        return notes

    def _waited_too_long(self, notes: Notes) -> bool:
        since = notes.waiting_since
        return since is not None and datetime.now(UTC) - since >= self.spot_wait

    def _described(self, name: str) -> Any:
        job = self._found(name)
        if job is None:
            raise NotFound(f"no job {name} in the workspace {self.account.workspace}")
        return job

    def _found(self, name: str, *, patient: bool = True) -> Any:
        """Return a job, or None if there is none; if patient, it is looked for again."""
        return look_for(self.account.ml(attempts=READS).jobs.get, name, patient=patient)
