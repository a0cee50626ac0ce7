"""Training on Vertex AI, on demand or on spot machines, with checkpoints in Cloud Storage."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from google.api_core.exceptions import FailedPrecondition
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import CustomJob
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.job_files import data_is_object, read_outcome
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
from blocks.providers.gcp.account import ONCE, READS, TOKEN_LABEL, GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.images import training_image
from blocks.providers.gcp.joblog import last_lines, lines
from blocks.providers.gcp.lookup import is_id, look_for
from blocks.providers.gcp.secret import GcpSecrets
from blocks.providers.gcp.training_calls import (
    Left,
    Options,
    from_custom_job,
    is_over,
    output_of,
    progress_name,
    starts_name,
    to_custom_job,
)
from blocks.providers.gcp.variables import require_values

_LAST_LINES = 20


class VertexTraining(Block, TrainingJobs):
    """Runs custom jobs on Vertex AI."""

    _block_type_name = "Vertex AI training"
    _block_type_slug = "gcp-training"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.LISTED,
        spot=True,
        multi_node=True,
        zones=False,  # Vertex AI chooses one of the region's
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

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        job = Submission(
            token,
            Markers(self._objects, f"{self.account.root}/submitted"),
            find=partial(self._labelled, token),
            create=partial(self._create, request, token),
            drop=lambda id_: self._cancel(self._ref(id_, token)),
            explain=explain,
        ).id()
        return self._ref(job, token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        job = self._described(ref.id)
        return from_custom_job(job, self._left(job, ref))

    def _cancel(self, ref: OperationRef) -> None:
        def cancel() -> bool:
            self._jobs.cancel_custom_job(name=self._name(ref.id), **READS)
            return True

        with contextlib.suppress(FailedPrecondition):  # it is over
            look_for(cancel)

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        self._described(ref.id)
        yield from lines(self.account, ref.id, since)

    @property
    def _jobs(self) -> JobServiceClient:
        return self.account.client(JobServiceClient)

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)

    def _ref(self, id_: str, token: str) -> OperationRef:
        return OperationRef(
            provider=self.provider,
            capability=self.capability,
            id=id_,
            token=token,
            scope={"project": self.account.project_id, "location": self.account.location},
        )

    def _name(self, id_: str) -> str:
        return f"{self.account.parent}/customJobs/{id_}"

    def _create(self, request: TrainingRequest, token: str) -> str:
        """Create a job, after a look at what would make it fail when it starts."""
        if not request.image and not self.image:
            raise InvalidRequest("image: Vertex AI runs containers; name an image", code="IMAGE")
        self._check(request)
        options = Options(image=self.image, boot_disk_gb=self.boot_disk_gb, restart=self.restart)
        asked = to_custom_job(request, token, account=self.account, options=options)
        made = self._jobs.create_custom_job(
            parent=self.account.parent, custom_job=CustomJob(asked), **ONCE
        )
        return str(made.name.rpartition("/")[2])

    def _check(self, request: TrainingRequest) -> None:
        require_values(request.env)
        secrets = GcpSecrets(account=self.account)
        for name in request.secrets.values():
            secrets.get(name)
        data_is_object(self._objects, request)  # whatever it is, it is there

    def _labelled(self, token: str) -> str | None:
        """Return the id of the first job that carries a token, if one shows."""
        asked = {
            "parent": self.account.parent,
            "filter": f'{self.account.mine} AND labels.{TOKEN_LABEL}="{token}"',
        }
        ids = [job.name.rpartition("/")[2] for job in self._jobs.list_custom_jobs(asked, **READS)]
        return str(min(ids, key=int)) if ids else None

    def _described(self, id_: str) -> CustomJob:
        found = None
        if is_id(id_):
            found = look_for(lambda: self._jobs.get_custom_job(name=self._name(id_), **READS))
        if found is None:
            raise NotFound(f"no custom job {id_} in {self.account.parent}", code="NOT_FOUND")
        return found

    def _left(self, job: CustomJob, ref: OperationRef) -> Left:
        """Return what the job left by now, beside the model."""
        output, over = output_of(job), is_over(job)
        token = job.labels.get(TOKEN_LABEL, ref.token)
        outcome = read_outcome(self._objects, output, token) if over else None
        starts = self._objects.read(f"{output}/{starts_name(token)}")
        return Left(
            outcome=outcome,
            starts=int(starts[0] or 0) if starts else 0,
            progress=self._progress(f"{output}/{progress_name(token)}"),
            last_lines=last_lines(self.account, ref.id, _LAST_LINES)
            if over and outcome is None
            else "",
        )

    def _progress(self, uri: str) -> float | None:
        found = self._objects.read(uri)
        if found is None:
            return None
        told = json.loads(found[0])
        return min(1.0, max(0.0, told["done"] / told["of"])) if told["of"] else None
