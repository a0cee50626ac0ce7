"""Training on Vertex AI, on demand or on spot machines, with checkpoints in Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.job_files import data_is_object
from blocks.cloud.markers import Markers
from blocks.cloud.submission import Submission
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
)
from blocks.providers.gcp.account import TOKEN_LABEL, GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.images import training_image
from blocks.providers.gcp.job_kinds import COLLECTION, CUSTOM, TUNING, JobKind, kind_for, kind_of
from blocks.providers.gcp.joblog import lines
from blocks.providers.gcp.leftovers import Leftovers
from blocks.providers.gcp.lookup import is_id, look_for
from blocks.providers.gcp.secret import GcpSecrets
from blocks.providers.gcp.study_calls import from_tuning_job, to_tuning_job
from blocks.providers.gcp.training_calls import Options, from_custom_job, to_custom_job
from blocks.providers.gcp.variables import require_values

CONSOLE = "https://console.cloud.google.com/agent-platform"  # as Google's SDK names it


class VertexTraining(Block, TrainingJobs):
    """Runs custom jobs on Vertex AI, and hyperparameter tuning jobs where a study is asked for.

    A study that has to start again does so from its first trial.
    """

    _block_type_name = "Vertex AI training"
    _block_type_slug = "gcp-training"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.LISTED,
        spot=True,
        multi_node=True,
        zones=False,  # Vertex AI chooses one of the region's
        studies=True,
        max_duration=timedelta(days=7),
    )

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=training_image, description="Image of jobs whose request names none."
    )
    boot_disk_gb: int = Field(default=100, ge=100, description="Disk of each machine, in GB.")
    restart: bool = Field(
        default=True, description="Let Vertex AI start a job again when it lost a machine."
    )
    failed_trials: int = Field(
        default=3, ge=1, description="Trials of a study that fail until it is given up."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        kind = kind_for(request)
        job = Submission(
            token,
            Markers(self._objects, f"{self.account.root}/submitted"),
            find=partial(self._labelled, kind, token),
            create=partial(self._create, request, token),
            drop=lambda id_: self._cancel(self._ref(kind, id_, token)),
            explain=explain,
        ).id()
        return self._ref(kind, job, token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        job = self._described(ref)
        left = Leftovers(account=self.account, objects=self._objects)
        if kind_of(ref) is TUNING:
            return from_tuning_job(job, left.of_study(job, ref))
        return from_custom_job(job, left.of_job(job, ref))

    def _cancel(self, ref: OperationRef) -> None:
        kind = kind_of(ref)
        kind.cancel(self._jobs, self._name(kind, ref.id))

    def _page(self, ref: OperationRef) -> str:
        place = f"locations/{self.account.location}/training/{ref.id}"
        return f"{CONSOLE}/{place}?project={self.account.project_id}"

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        self._described(ref)
        yield from lines(self.account, ref.id, since)

    @property
    def _jobs(self) -> JobServiceClient:
        return self.account.client(JobServiceClient)

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)

    def _ref(self, kind: JobKind, id_: str, token: str) -> OperationRef:
        scope = {"project": self.account.project_id, "location": self.account.location}
        if kind is not CUSTOM:
            scope[COLLECTION] = kind.collection
        return self._reference(id_, token, **scope)

    def _name(self, kind: JobKind, id_: str) -> str:
        return f"{self.account.parent}/{kind.collection}/{id_}"

    def _create(self, request: TrainingRequest, token: str) -> str:
        """Create a job, after a look at what would make it fail when it starts."""
        if not request.image and not self.image:
            raise InvalidRequest("image: Vertex AI runs containers; name an image", code="IMAGE")
        self._check(request)
        asked = self._asked(request, token)
        made = kind_for(request).create(self._jobs, self.account.parent, asked)
        return str(made.name.rpartition("/")[2])

    def _asked(self, request: TrainingRequest, token: str) -> Mapping[str, Any]:
        options = Options(
            image=self.image,
            boot_disk_gb=self.boot_disk_gb,
            restart=self.restart,
            failed_trials=self.failed_trials,
        )
        if request.study is None:
            return to_custom_job(request, token, account=self.account, options=options)
        return to_tuning_job(request, request.study, token, account=self.account, options=options)

    def _check(self, request: TrainingRequest) -> None:
        require_values(request.env)
        secrets = GcpSecrets(account=self.account)
        for name in request.secrets.values():
            secrets.get(name)
        data_is_object(self._objects, request)  # whatever it is, it is there

    def _labelled(self, kind: JobKind, token: str) -> str | None:
        """Return the id of the first job that carries a token, if one shows."""
        told = f'{self.account.mine} AND labels.{TOKEN_LABEL}="{token}"'
        found = kind.list(self._jobs, self.account.parent, told)
        ids = [job.name.rpartition("/")[2] for job in found]
        return str(min(ids, key=int)) if ids else None

    def _described(self, ref: OperationRef) -> Any:
        found, kind = None, kind_of(ref)
        if is_id(ref.id):
            found = look_for(lambda: kind.get(self._jobs, self._name(kind, ref.id)))
        if found is None:
            raise NotFound(
                f"none of {self.account.parent}/{kind.collection} is {ref.id}", code="NOT_FOUND"
            )
        return found
