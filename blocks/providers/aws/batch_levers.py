"""How the conformance suite moves the batch jobs of an AWS account."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.contracts import BatchRequest, OperationRef
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch import SageMakerBatch
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoint_levers import IMAGE, MACHINE
from blocks.providers.aws.s3 import Objects
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads


class BatchLevers(ByItself):
    """The batch part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account, uploads: Uploads) -> None:
        super().__init__(SageMakerBatch(account=account, image=IMAGE))
        self._account, self._emulator, self._uploads = account, emulator, uploads
        self.let_go = uploads.let_go

    def request(self, rows: int, kind: str) -> BatchRequest:
        """Return a request over a few files; for the same rows and kind the same one."""
        return self._uploads.batch_request(rows, kind, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Let the machine break; nothing else takes a machine from a job on demand."""
        self._emulator.pull("break-machine", job=ref.id)
        self.settle(ref)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the job reads."""
        found = Objects(self._account.client("s3")).read(
            f"{self._account.root}/batch/{ref.id}/request.json"
        )
        if found is None:
            raise LookupError(f"no batch job {ref.id}")
        return dict(BatchRequest.model_validate_json(found[0]))

    def created(self) -> int:
        """Count this owner's jobs."""
        pages = self._account.client("sagemaker").get_paginator("list_processing_jobs")
        mine = self._account.named("")
        return sum(
            len(page["ProcessingJobSummaries"]) for page in pages.paginate(NameContains=mine)
        )
