"""How the conformance suite moves training jobs of SageMaker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from blocks.contracts import OperationRef, Phase, TrainingRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.training import SageMakerTraining
from blocks.providers.aws.training_calls import DATA, SOURCE
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.testing.waiting import until
from blocks.workload import Job

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/bluewater-trainer:1"
_START = "blocks.workload.start"


class TrainingLevers:
    """The training part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account) -> None:
        self._account, self._emulator = account, emulator
        self._jobs = SageMakerTraining(account=account)

    def request(self, script: str) -> TrainingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        script = script or WAITS_FOR_A_LEVER
        home = f"code-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
        self._put(f"{home}/train.py", script)
        self._put("data/rows.csv", "x\n1\n")
        root = self._account.root
        return TrainingRequest(
            image=IMAGE,
            source_uri=f"{root}/{home}",
            command=("python", "train.py"),
            machine="ml.m5.large",
            data_uri=f"{root}/data",
            checkpoint_uri=f"{root}/checkpoints",
            output_uri=f"{root}/output",
        )

    def begin(self, ref: OperationRef) -> None:
        """Wait until the command runs in place of the program that started it."""
        until(lambda: self._command(ref) is not None or self._phase(ref).done)
        assert self._phase(ref) is Phase.RUNNING  # noqa: S101

    def succeed(self, ref: OperationRef) -> None:
        """Pull the lever of the default script."""
        self._pull(ref, "")

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Pull the lever of the default script the other way."""
        self._pull(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine and leave no other until SageMaker gives up waiting for one."""
        self._emulator.pull("reclaim", job=ref.id, capacity=False)
        if self._described(ref)["EnableManagedSpotTraining"]:
            until(lambda: self._is_waiting(ref) or self._phase(ref).done)
            limit = self._described(ref)["StoppingCondition"]["MaxWaitTimeInSeconds"]
            self._emulator.advance(limit)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end."""
        until(lambda: self._phase(ref).done)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the live command really got, and from the description what it cannot know."""
        job, command = self._described(ref), self._command(ref)
        if command is None:
            raise LookupError(f"job {ref.id} has no live command; begin it first")
        got, argv = command.environ(), command.cmdline()
        channels = {each["ChannelName"]: _uri(each) for each in job["InputDataConfig"]}
        return {
            "image": job["AlgorithmSpecification"]["TrainingImage"],
            "source_uri": channels[SOURCE],
            "command": ("python", *argv[1:]) if "python" in Path(argv[0]).name else tuple(argv),
            "parameters": Job.from_environment(got).parameters,
            "env": {name: got[name] for name in job["Environment"] if "BLUEWATER" not in name},
            "secrets": _secrets(job, got),
            "machine": job["ResourceConfig"]["InstanceType"],
            "nodes": len(self._containers(ref)),
            "spot": job["EnableManagedSpotTraining"],
            "zone": got.get("BLUEWATER_ZONE", ""),
            "data_uri": channels[DATA],
            "checkpoint_uri": job["CheckpointConfig"]["S3Uri"],
            "output_uri": job["OutputDataConfig"]["S3OutputPath"],
            "max_duration": timedelta(seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"]),
        }

    def created(self) -> int:
        """Count this owner's jobs."""
        pages = self._account.client("sagemaker").get_paginator("list_training_jobs")
        mine = self._account.named("")
        return sum(len(page["TrainingJobSummaries"]) for page in pages.paginate(NameContains=mine))

    def _pull(self, ref: OperationRef, reason: str) -> None:
        self.begin(ref)
        for each in self._containers(ref):
            source = Path(each["folder"]) / "input" / "data" / SOURCE
            draft = source / f".{ref.token}.lever"
            draft.write_text(reason)
            draft.rename(source / f"{ref.token}.lever")
        self.settle(ref)

    def _put(self, name: str, text: str) -> None:
        bucket, _, prefix = self._account.root.removeprefix("s3://").partition("/")
        s3 = self._account.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=text.encode())

    def _command(self, ref: OperationRef) -> psutil.Process | None:
        found = self._containers(ref)
        try:
            process = psutil.Process(found[0]["pid"]) if found else None
            return None if process is None or _START in process.cmdline() else process
        except psutil.NoSuchProcess:
            return None

    def _containers(self, ref: OperationRef) -> list[dict[str, Any]]:
        alive = self._emulator.running()
        return [each for each in alive if each["name"].startswith(f"training-job/{ref.id}/")]

    def _is_waiting(self, ref: OperationRef) -> bool:
        moves = [each["Status"] for each in self._described(ref)["SecondaryStatusTransitions"]]
        return "Interrupted" in moves and moves[-1] == "Starting"

    def _described(self, ref: OperationRef) -> dict[str, Any]:
        sagemaker = self._account.client("sagemaker")
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=ref.id)
        return found

    def _phase(self, ref: OperationRef) -> Phase:
        return self._jobs.status(ref).phase


def _uri(channel: Mapping[str, Any]) -> str:
    return str(channel["DataSource"]["S3DataSource"]["S3Uri"]).rstrip("/")


def _secrets(job: Mapping[str, Any], got: Mapping[str, str]) -> dict[str, str]:
    names = json.loads(job["Environment"].get("BLUEWATER_SECRETS_FROM", "{}"))
    return {variable: name for variable, name in names.items() if variable in got}
