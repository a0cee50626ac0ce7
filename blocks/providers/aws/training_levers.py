"""How the conformance suite moves training jobs of SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from blocks.contracts import OperationRef
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.training import SageMakerTraining
from blocks.providers.aws.training_calls import DATA, SOURCE
from blocks.testing.live_training import LiveTraining
from blocks.testing.uploads import Uploads
from blocks.testing.waiting import until


class TrainingLevers(LiveTraining):
    """The training part of the bench."""

    starter: ClassVar[str] = "blocks.workload.start"
    image: ClassVar[str] = "123456789012.dkr.ecr.us-east-1.amazonaws.com/bluewater-trainer:1"
    machine: ClassVar[str] = "ml.m5.large"

    def __init__(self, account: AwsAccount, emulator: Account, uploads: Uploads) -> None:
        super().__init__(SageMakerTraining(account=account), emulator, uploads)
        self._account = account

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine and leave no other until SageMaker gives up waiting for one."""
        self._emulator.pull("reclaim", job=ref.id, capacity=False)
        if self._described(ref)["EnableManagedSpotTraining"]:
            until(lambda: self._is_waiting(ref) or self._phase(ref).done)
            limit = self._described(ref)["StoppingCondition"]["MaxWaitTimeInSeconds"]
            self._emulator.advance(limit)
        self.settle(ref)

    def created(self) -> int:
        """Count this owner's jobs."""
        pages = self._account.client("sagemaker").get_paginator("list_training_jobs")
        mine = self._account.named("")
        return sum(len(page["TrainingJobSummaries"]) for page in pages.paginate(NameContains=mine))

    def _told(self, ref: OperationRef, got: Mapping[str, str]) -> Mapping[str, object]:
        job = self._described(ref)
        channels = {each["ChannelName"]: _uri(each) for each in job["InputDataConfig"]}
        return {
            "image": job["AlgorithmSpecification"]["TrainingImage"],
            "source_uri": channels[SOURCE],
            "env": {name: got[name] for name in job["Environment"] if "BLUEWATER" not in name},
            "machine": job["ResourceConfig"]["InstanceType"],
            "spot": job["EnableManagedSpotTraining"],
            "data_uri": channels[DATA],
            "checkpoint_uri": job["CheckpointConfig"]["S3Uri"],
            "output_uri": job["OutputDataConfig"]["S3OutputPath"],
            "max_duration": timedelta(seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"]),
        }

    def _is_waiting(self, ref: OperationRef) -> bool:
        moves = [each["Status"] for each in self._described(ref)["SecondaryStatusTransitions"]]
        return "Interrupted" in moves and moves[-1] == "Starting"

    def _described(self, ref: OperationRef) -> dict[str, Any]:
        sagemaker = self._account.client("sagemaker")
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=ref.id)
        return found


def _uri(channel: Mapping[str, Any]) -> str:
    return str(channel["DataSource"]["S3DataSource"]["S3Uri"]).rstrip("/")
