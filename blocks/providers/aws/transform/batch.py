"""Batch predictions on SageMaker's own kind of job for them: batch transform."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.job_files import require_scorable
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
    Phase,
    ProviderError,
    Unsupported,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import explain
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.parts import Parts
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.transform.answers import Answers
from blocks.providers.aws.transform.calls import (
    Listed,
    Record,
    Told,
    from_describe_transform_job,
    manifest_of,
    phase_of,
    record_of,
    require_sendable,
    to_create_transform_job,
    to_manifest,
    told_of,
)
from blocks.providers.aws.transform.jobs import (
    OPEN,
    found_job,
    job_name,
    remove_model,
    stop_job,
)

_Status = OperationStatus[BatchResult]


class SageMakerTransform(Block, BatchInference):
    """Scores data sets with Amazon SageMaker transform jobs.

    Each file is sent whole, as one request of at most 100 MB, to a server of ours that answers
    with the scored file. SageMaker puts the answers under names of its own; they get theirs as the
    job is looked at, so a data set is whole once ``status`` says that it has succeeded. A job that
    lost its machine is over, and its next attempt sends the files that have no answer.
    """

    _block_type_name = "SageMaker batch transform"
    _block_type_slug = "aws-transform-batch"

    provider: ClassVar[str] = "aws-transform"
    features: ClassVar[BatchFeatures] = BatchFeatures(
        idempotency=Idempotency.NAMED,
        spot=False,  # transform jobs run on demand
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the jobs, with bluewater in it."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: BatchRequest, token: str) -> OperationRef:
        name = job_name(self.account, token)
        make_named(
            lambda: self._create(request, name, token),
            partial(found_job, self.account, name),
            explain=explain,
            conflict_is_the_name=True,
        )
        return self._reference(name, token, region=self.account.region)

    def _status(self, ref: OperationRef) -> _Status:
        job = found_job(self.account, ref.id)
        record = self.record_of(ref.id) if job else None
        if job is None or record is None:
            raise NotFound(f"no transform job {ref.id} in {self.account.region}", code="JOB")
        kept = self._objects.read(self._kept(ref.id))
        return _Status.model_validate_json(kept[0]) if kept else self._looked(job, record, ref.id)

    def _looked(self, job: Any, record: Record, name: str) -> _Status:
        """Give the answers that are there their names, and say how the job is doing."""
        home = self._home(name)
        found = self._objects.read(told_of(record_of(home)))
        told = Told.model_validate_json(found[0]) if found else Told()
        answers = Answers(self._objects, record, home)
        left = answers.name() if job.get("TransformStartTime") else 0
        succeeded = phase_of(job, told) is Phase.SUCCEEDED
        rows = answers.rows() if succeeded and not left else None
        status = from_describe_transform_job(job, record, told, rows=rows, left=left)
        if status.phase.done:
            remove_model(self.account, name)
            self._objects.write(self._kept(name), status.model_dump_json().encode())
        return status

    def _cancel(self, ref: OperationRef) -> None:
        job = found_job(self.account, ref.id)
        if job is not None and job["TransformJobStatus"] == OPEN:
            stop_job(self.account, ref.id)

    def _create(self, request: BatchRequest, name: str, token: str) -> None:
        """Create a job, after a look at what would make it fail when it starts."""
        if found_job(self.account, name, patient=False) is not None:
            return  # and its model may be gone already
        self._require_able()
        home = self._home(name)
        call = to_create_transform_job(request, name=name, home=home, kms_key=self.account.kms_key)
        self._list(request, home)
        tags = self.account.tags(token=token)
        model = {"ModelName": name, "PrimaryContainer": {"Image": self.image}}
        Parts(self.account, image=self.image, told={}).make_model(model, tags)
        self.account.client("sagemaker").create_transform_job(**call, Tags=tags)

    def _require_able(self) -> None:
        if self.account.network_isolation:
            raise Unsupported(
                "the container brings the model from S3 itself; transform jobs cannot be cut off "
                "from every network",
                code="NETWORK_ISOLATION",
            )
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")

    def _list(self, request: BatchRequest, home: str) -> None:
        """Write down which files there are, and which of them have to be sent."""
        found = list(require_scorable(self._objects, request))
        files = tuple(Listed(name=each.name, size=each.size, etag=each.etag) for each in found)
        require_sendable(files)
        record = Record(request=request, files=files)
        there = (each.name for each in self._objects.below(request.output_uri))
        # a job sends something: where all is scored, the last file once more
        unscored = Answers(self._objects, record, home).unscored(there) or files[-1:]
        folder = found[0].uri.removesuffix(found[0].name)
        names = [each.name for each in unscored]
        self._objects.write(manifest_of(home), to_manifest(folder, names))
        self._objects.write(record_of(home), record.model_dump_json().encode())

    def record_of(self, name: str) -> Record | None:
        """Return what was asked of the job of a name, if that is still known."""
        found = self._objects.read(record_of(self._home(name)))
        return Record.model_validate_json(found[0]) if found else None

    def _home(self, name: str) -> str:
        return f"{self.account.root}/transform/{name}"

    def _kept(self, name: str) -> str:
        return f"{self._home(name)}/end.json"

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.client("s3", attempts=READS))
