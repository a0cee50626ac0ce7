"""Training on SageMaker, with managed spot and checkpoints in S3."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from botocore.exceptions import ClientError
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
from blocks.providers.aws import kit
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.console import page
from blocks.providers.aws.errors import code_of, explain
from blocks.providers.aws.frameworks import address_of, is_named
from blocks.providers.aws.images import training_image
from blocks.providers.aws.joblog import lines
from blocks.providers.aws.lookup import READS, UNKNOWN, Described, look_for
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.secret import AwsSecrets
from blocks.providers.aws.toolkit import packed, started_by_toolkit
from blocks.providers.aws.training_calls import (
    Options,
    failed_silently,
    from_describe_training_job,
    is_over,
    output_of,
    to_create_training_job,
)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_LAST_LINES = 20


class SageMakerTraining(Block, TrainingJobs):
    """Runs training jobs on Amazon SageMaker, on demand or on spot machines that it replaces.

    An image may be named by a framework of AWS's own, as in ``sagemaker:pytorch:2.6:py312``; that
    takes its SDK, ``bluewater[sagemaker]``.
    """

    _block_type_name = "SageMaker training"
    _block_type_slug = "aws-training"

    provider: ClassVar[str] = "aws"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.NAMED,
        spot=True,
        multi_node=True,
        zones=False,  # SageMaker takes a zone of the subnets that it is given
        studies=False,
        max_duration=timedelta(days=28),
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=training_image, description="Image of jobs whose request names none."
    )
    spot_wait: timedelta = Field(
        default=timedelta(hours=6),
        description="How long a job may wait for spot machines, beside the time it may train.",
    )
    volume_gb: int = Field(default=50, ge=1, description="Disk of each machine, in GB.")
    warm_pool: timedelta = Field(
        default=timedelta(0), description="How long machines on demand are kept for the next job."
    )
    encrypt_between_nodes: bool = Field(
        default=False, description="Encrypt what the machines of one job tell each other."
    )
    toolkit: bool = Field(
        default=False,
        description="Let the toolkit in the image start the code: it installs requirements.txt.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        name = self.account.named(token)
        make_named(
            lambda: self._sagemaker.create_training_job(**self._call(request, token)),
            partial(self._found, name),
            explain=explain,
            conflict_is_the_name=True,
        )
        return self._ref(name, token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        job = self._described(ref.id)
        if not is_over(job):
            return from_describe_training_job(job, None)
        last = self._last_lines(ref.id) if failed_silently(job) else ""
        outcome = read_outcome(self._objects, output_of(job), ref.token)
        return from_describe_training_job(job, outcome, last)

    def _cancel(self, ref: OperationRef) -> None:
        try:
            self._sagemaker.stop_training_job(TrainingJobName=ref.id)
        except ClientError as error:
            if code_of(error) not in UNKNOWN:
                raise
            job = self._found(ref.id)  # it is over, was never there, or was not seen yet
            if job is not None and job["TrainingJobStatus"] == "InProgress":
                self._sagemaker.stop_training_job(TrainingJobName=ref.id)

    def _page(self, ref: OperationRef) -> str:
        return page("sagemaker", self.account.region, f"/jobs/{ref.id}")

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        self._described(ref.id)
        logs = self.account.client("logs", attempts=READS)
        yield from lines(logs, LOG_GROUP, f"{ref.id}/", since)

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker")

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.client("s3", attempts=READS))

    def _ref(self, name: str, token: str) -> OperationRef:
        return self._reference(name, token, region=self.account.region)

    def _call(self, request: TrainingRequest, token: str) -> dict[str, Any]:
        """Return the call, after a look at what would make the job fail when it starts."""
        if request.secrets and self.account.network_isolation:
            raise Unsupported(
                "a container that is cut off from every network cannot fetch its secrets",
                code="NETWORK_ISOLATION",
            )
        secrets = AwsSecrets(account=self.account)
        for name in request.secrets.values():
            secrets.get(name)
        options = self._options(request)
        call = to_create_training_job(
            request.model_copy(update={"image": ""}),
            token,
            account=self.account,
            options=options,
            data_is_object=data_is_object(self._objects, request),
        )
        if not self.toolkit:
            return call
        return started_by_toolkit(call, request.parameters, packed(request, self.account, token))

    def _options(self, request: TrainingRequest) -> Options:
        image, shipped = request.image or self.image, ""
        if is_named(image):
            image = address_of(image, region=self.account.region, machine=request.machine)
        if self.toolkit or is_named(request.image or self.image):
            shipped = kit.shipped(self.account)
        if not image:
            raise InvalidRequest("image: SageMaker runs containers; name an image", code="IMAGE")
        return Options(
            image=image,
            kit=shipped,
            spot_wait=self.spot_wait,
            volume_gb=self.volume_gb,
            warm_pool=self.warm_pool,
            encrypt_between_nodes=self.encrypt_between_nodes,
        )

    def _described(self, name: str) -> Described:
        job = self._found(name)
        if job is None:
            raise NotFound(f"no training job {name} in {self.account.region}")
        return job

    def _found(self, name: str, *, patient: bool = True) -> Described | None:
        describe = self.account.client("sagemaker", attempts=READS).describe_training_job
        return look_for(describe, "TrainingJobName", name, patient=patient)

    def _last_lines(self, name: str) -> str:
        logs = self.account.client("logs", attempts=READS)
        last = deque(lines(logs, LOG_GROUP, f"{name}/", None), maxlen=_LAST_LINES)
        return "\n".join(line.text for line in last)
