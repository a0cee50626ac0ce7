"""Batch predictions on SageMaker: a processing job that scores a data set of S3."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.batch_notes import Progress, progress_of
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
    Unsupported,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch_calls import (
    from_describe_processing_job,
    to_create_processing_job,
)
from blocks.providers.aws.disks import volume_key
from blocks.providers.aws.errors import explain
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.processing_jobs import found_job, is_open, stop_job
from blocks.providers.aws.s3 import Objects

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"


class SageMakerBatch(Block, BatchInference):
    """Scores data sets with Amazon SageMaker processing jobs.

    Files may be of any size, where transform jobs (``aws-transform``) take 100 MB. Each is scored
    and written by itself: a job that lost its machine is over, and its next attempt begins after
    the last finished file.
    """

    _block_type_name = "SageMaker batch"
    _block_type_slug = "aws-batch"

    provider: ClassVar[str] = "aws"
    features: ClassVar[BatchFeatures] = BatchFeatures(
        idempotency=Idempotency.NAMED,
        spot=False,  # processing jobs run on demand
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the jobs, with bluewater in it."
    )
    volume_gb: int = Field(
        default=50, ge=1, description="Disk of the machine, in GB: two of the largest files fit."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: BatchRequest, token: str) -> OperationRef:
        name = self.account.named(token)
        make_named(
            lambda: self._create(request, name, token),
            partial(found_job, self.account, name),
            explain=explain,
            conflict_is_the_name=True,
        )
        return self._reference(name, token, region=self.account.region)

    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        job = found_job(self.account, ref.id)
        request = self.request_of(ref.id) if job else None
        if job is None or request is None:
            raise NotFound(f"no batch job {ref.id} in {self.account.region}", code="JOB")
        told = self._objects.read(progress_of(self._asked(ref.id)))
        progress = Progress.model_validate_json(told[0]) if told else None
        return from_describe_processing_job(job, request, progress)

    def _cancel(self, ref: OperationRef) -> None:
        job = found_job(self.account, ref.id)
        if job is not None and is_open(job):
            stop_job(self.account, ref.id)

    def _create(self, request: BatchRequest, name: str, token: str) -> None:
        """Create a job, after a look at what would make it fail when it starts."""
        if self.account.network_isolation:
            raise Unsupported(
                "a job reads and writes S3 itself; batch jobs cannot be cut off from every network",
                code="NETWORK_ISOLATION",
            )
        require_scorable(self._objects, request)
        self._objects.write(self._asked(name), request.model_dump_json().encode())
        self._sagemaker.create_processing_job(**self._call(request, name, token))

    def _call(self, request: BatchRequest, name: str, token: str) -> dict[str, Any]:
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        call = to_create_processing_job(
            request,
            name=name,
            image=self.image,
            asked=self._asked(name),
            volume_gb=self.volume_gb,
        )
        vpc, key = self.account.vpc(), self.account.kms_key
        if vpc:
            call["NetworkConfig"] = {"VpcConfig": vpc}
        call["ProcessingResources"]["ClusterConfig"].update(volume_key(request.machine, key))
        tags = self.account.tags(token=token)
        return {**call, "RoleArn": self.account.execution_role, "Tags": tags}

    def request_of(self, name: str) -> BatchRequest | None:
        """Return what was asked of the job of a name, if that is still known."""
        return read_request(self._objects, self._asked(name))

    def _asked(self, name: str) -> str:
        return f"{self.account.root}/batch/{name}/request.json"

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker")

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.client("s3", attempts=READS))
