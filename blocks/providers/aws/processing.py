"""Commands near the data of S3, as SageMaker processing jobs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.job_files import is_object, require_source
from blocks.cloud.named import make_named
from blocks.contracts import (
    Idempotency,
    InvalidRequest,
    LogLine,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    ProcessingFeatures,
    ProcessingJobs,
    ProcessingRequest,
    ProcessingResult,
    ProviderError,
    Unsupported,
)
from blocks.providers.aws import kit
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch import LOG_GROUP
from blocks.providers.aws.disks import volume_key
from blocks.providers.aws.errors import explain
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.joblog import lines
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.processing_calls import (
    LONGEST,
    from_describe_processing_job,
    to_create_processing_job,
)
from blocks.providers.aws.processing_jobs import found_job, is_open, processing_name, stop_job
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.secret import AwsSecrets

_LAST_LINES = 20


class SageMakerProcessing(Block, ProcessingJobs):
    """Runs commands with Amazon SageMaker processing jobs.

    SageMaker brings the inputs to the machine and the outputs to S3. A job that lost its machine is
    over; its next attempt begins anew.
    """

    _block_type_name = "SageMaker processing"
    _block_type_slug = "aws-processing"

    provider: ClassVar[str] = "aws"
    features: ClassVar[ProcessingFeatures] = ProcessingFeatures(
        idempotency=Idempotency.NAMED, spark=False, scheme="s3", max_duration=LONGEST
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image,
        description="Image of jobs whose request names none: Python, with what the code imports.",
    )
    volume_gb: int = Field(
        default=50, ge=1, description="Disk of the machine, in GB: all inputs fit, twice."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: ProcessingRequest, token: str) -> OperationRef:
        name = processing_name(self.account, token)
        make_named(
            lambda: self._sagemaker.create_processing_job(**self._call(request, name, token)),
            partial(found_job, self.account, name),
            explain=explain,
            conflict_is_the_name=True,
        )
        return self._reference(name, token, region=self.account.region)

    def _status(self, ref: OperationRef) -> OperationStatus[ProcessingResult]:
        job = self._described(ref.id)
        seen = from_describe_processing_job(job, "")
        if seen.phase is not Phase.FAILED:
            return seen
        return from_describe_processing_job(job, self._last_lines(ref.id))

    def _cancel(self, ref: OperationRef) -> None:
        job = found_job(self.account, ref.id)
        if job is not None and is_open(job):
            stop_job(self.account, ref.id)

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        self._described(ref.id)
        logs = self.account.client("logs", attempts=READS)
        yield from lines(logs, LOG_GROUP, f"{ref.id}/", since)

    def _call(self, request: ProcessingRequest, name: str, token: str) -> dict[str, Any]:
        """Return the call, after a look at what would make the job fail when it starts."""
        image, isolated = request.image or self.image, self.account.network_isolation
        if not image:
            raise InvalidRequest("image: SageMaker runs containers; name an image", code="IMAGE")
        if request.secrets and isolated:
            raise Unsupported(
                "a container that is cut off from every network cannot fetch its secrets",
                code="NETWORK_ISOLATION",
            )
        call = to_create_processing_job(
            request,
            name=name,
            image=image,
            kit=kit.shipped(self.account),
            objects=self._objects_among(request),
            volume_gb=self.volume_gb,
        )
        vpc, key = self.account.vpc(), self.account.kms_key
        if vpc or isolated:
            network = {"VpcConfig": vpc} if vpc else {}
            call["NetworkConfig"] = {**network, "EnableNetworkIsolation": isolated}
        call["ProcessingResources"]["ClusterConfig"].update(volume_key(request.machine, key))
        if key:
            call["ProcessingOutputConfig"]["KmsKeyId"] = key
        tags = self.account.tags(token=token)
        return {**call, "RoleArn": self.account.execution_role, "Tags": tags}

    def _objects_among(self, request: ProcessingRequest) -> set[str]:
        """Return the inputs that are one object each. Raises for what is not there."""
        objects, secrets = self._objects, AwsSecrets(account=self.account)
        require_source(objects, request.source_uri)
        for name in request.secrets.values():
            secrets.get(name)
        return {
            name
            for name, uri in request.inputs.items()
            if is_object(objects, uri, field=f"inputs.{name}")
        }

    def _described(self, name: str) -> Mapping[str, Any]:
        job = found_job(self.account, name)
        if job is None:
            raise NotFound(f"no processing job {name} in {self.account.region}", code="JOB")
        return job

    def _last_lines(self, name: str) -> str:
        logs = self.account.client("logs", attempts=READS)
        last = deque(lines(logs, LOG_GROUP, f"{name}/", None), maxlen=_LAST_LINES)
        return "\n".join(line.text for line in last)

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker")

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.client("s3", attempts=READS))
