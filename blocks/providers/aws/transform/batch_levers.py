"""How the conformance suite moves the transform jobs of an AWS account."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.contracts import OperationRef
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch_levers import BatchLevers
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoint_levers import IMAGE
from blocks.providers.aws.transform.batch import SageMakerTransform
from blocks.providers.aws.transform.jobs import job_name
from blocks.testing.uploads import Uploads


class TransformLevers(BatchLevers):
    """The batch part of the bench: the same requests, and jobs of the other kind."""

    def __init__(self, account: AwsAccount, emulator: Account, uploads: Uploads) -> None:
        super().__init__(account, emulator, uploads)
        self._watched = self._block = SageMakerTransform(account=account, image=IMAGE)

    def reclaim(self, ref: OperationRef) -> None:
        """Let the machine break; nothing else takes a machine from a job on demand."""
        self._emulator.pull("break-transform", job=ref.id)
        self.settle(ref)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the job reads."""
        record = self._block.record_of(ref.id)
        if record is None:
            raise LookupError(f"no transform job {ref.id}")
        return dict(record.request)

    def created(self) -> int:
        """Count this owner's jobs."""
        pages = self._account.client("sagemaker").get_paginator("list_transform_jobs")
        mine = job_name(self._account, "")
        found = pages.paginate(NameContains=mine)
        return sum(len(page["TransformJobSummaries"]) for page in found)
