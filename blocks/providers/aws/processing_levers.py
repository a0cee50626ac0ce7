"""How the conformance suite moves the processing jobs of an AWS account."""

from __future__ import annotations

from blocks.contracts import OperationRef, ProcessingRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoint_levers import IMAGE, MACHINE
from blocks.providers.aws.processing import SageMakerProcessing
from blocks.providers.aws.processing_jobs import processing_name
from blocks.providers.aws.s3 import Objects
from blocks.testing.processing import ProcessingLevers, processing_request


class SageMakerProcessingLevers(ProcessingLevers):
    """The processing part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account) -> None:
        super().__init__(SageMakerProcessing(account=account, image=IMAGE))
        self._account, self._emulator = account, emulator

    def request(self, script: str) -> ProcessingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        write = Objects(self._account.client("s3")).write
        return processing_request(write, self._account.root, script, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Let the machine break; nothing else takes a machine from a job on demand."""
        self._emulator.pull("break-machine", job=ref.id)
        self.settle(ref)

    def created(self) -> int:
        """Count this owner's jobs."""
        pages = self._account.client("sagemaker").get_paginator("list_processing_jobs")
        mine = processing_name(self._account, "")
        return sum(
            len(page["ProcessingJobSummaries"]) for page in pages.paginate(NameContains=mine)
        )
