"""How the conformance suite moves training jobs of EC2."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from blocks.contracts import OperationRef, Phase, TrainingRequest
from blocks.providers.aws.account import OWNER_TAG, TOKEN_TAG, AwsAccount
from blocks.providers.aws.ec2.record import Record
from blocks.providers.aws.ec2.training import Ec2Training
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.testing.waiting import until
from blocks.workload.instance.plan import JOB

IMAGE = "ami-0123456789abcdef0"
NOTICE = 120.0  # seconds between a spot notice and the end of the machine


class TrainingLevers:
    """The training part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account) -> None:
        self.account, self._emulator = account, emulator
        self._jobs = Ec2Training(account=account)

    def request(self, script: str) -> TrainingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        script = script or WAITS_FOR_A_LEVER
        home = f"code-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
        self._put(f"{home}/train.py", script)
        self._put("data/rows.csv", "x\n1\n")
        root = self.account.root
        return TrainingRequest(
            image=IMAGE,
            source_uri=f"{root}/{home}",
            command=("python", "train.py"),
            machine="m7i.large",
            data_uri=f"{root}/data",
            checkpoint_uri=f"{root}/checkpoints",
            output_uri=f"{root}/output",
        )

    def begin(self, ref: OperationRef) -> None:
        """Wait until the command runs."""
        until(lambda: self._command(ref) is not None or self._phase(ref).done)
        assert self._phase(ref) is Phase.RUNNING  # noqa: S101

    def succeed(self, ref: OperationRef) -> None:
        """Pull the lever of the default script."""
        self._pull(ref, "")

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Pull the lever of the default script the other way."""
        self._pull(ref, reason)

    def created(self) -> int:
        """Count this owner's machines."""
        return len(self.instances())

    def reclaim(self, ref: OperationRef) -> None:
        """Take a spot machine after its notice; of one on demand, pull the plug."""
        [machine] = self.instances(ref)
        if not machine["spot"]:
            self._emulator.pull("ec2-break", instance=machine["id"])
        else:
            self._emulator.pull("ec2-reclaim", instance=machine["id"])
            until(lambda: self.instances(ref)[0]["notice_seen"] or self._is_gone(ref))
            with contextlib.suppress(TimeoutError):  # what is deaf runs until the end
                until(lambda: self._phase(ref).done, within=60)
            self._emulator.advance(NOTICE)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end, and until the machine is gone."""
        until(lambda: self._phase(ref).done and self._is_gone(ref))

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the live command really got, and from the record what it cannot know."""
        command, [machine] = self._running(ref), self.instances(ref)
        job = Record(self.account, ref.id).read(JOB)
        assert job is not None  # noqa: S101
        plan, got, argv = job["plan"], command.environ(), command.cmdline()
        return {
            "image": machine["asked"]["ImageId"],
            "source_uri": plan["source_uri"],
            "command": ("python", *argv[1:]) if "python" in Path(argv[0]).name else tuple(argv),
            "parameters": json.loads(got["BLUEWATER_PARAMETERS"]),
            "env": {name: got[name] for name in plan["env"] if name in got},
            "secrets": {
                variable: name for variable, name in plan["secrets"].items() if variable in got
            },
            "machine": machine["asked"]["InstanceType"],
            "nodes": 1,  # one machine is all there is
            "spot": machine["spot"],
            "zone": got["BLUEWATER_ZONE"] if machine["asked"].get("Placement") else "",
            "data_uri": plan["data_uri"],
            "checkpoint_uri": plan["checkpoint_uri"],
            "output_uri": got["BLUEWATER_OUTPUT_URI"],
            "max_duration": timedelta(seconds=plan["max_seconds"]),
        }

    def instances(self, ref: OperationRef | None = None) -> list[dict[str, Any]]:
        """Return this owner's machines, or those of one job, whatever became of them."""
        found: list[dict[str, Any]] = self._emulator.pull("ec2-instances")
        return [
            each
            for each in found
            if each["tags"].get(OWNER_TAG) == self.account.owner
            and (ref is None or each["tags"].get(TOKEN_TAG) == ref.token)
        ]

    def _pull(self, ref: OperationRef, reason: str) -> None:
        self.begin(ref)
        source = Path(self._running(ref).cwd())
        draft = source / f".{ref.token}.lever"
        draft.write_text(reason)
        draft.rename(source / f"{ref.token}.lever")
        self.settle(ref)

    def _put(self, name: str, text: str) -> None:
        bucket, _, prefix = self.account.root.removeprefix("s3://").partition("/")
        s3 = self.account.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=text.encode())

    def _running(self, ref: OperationRef) -> psutil.Process:
        command = self._command(ref)
        if command is None:
            raise LookupError(f"job {ref.id} has no live command; begin it first")
        return command

    def _command(self, ref: OperationRef) -> psutil.Process | None:
        return next(self._processes(ref), None)

    def _processes(self, ref: OperationRef) -> Iterator[psutil.Process]:
        """Yield the processes of the command; the oldest one is the command itself."""
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if each.environ().get("BLUEWATER_TOKEN") == ref.token:
                    yield each

    def _is_gone(self, ref: OperationRef) -> bool:
        return all(each["state"] == "terminated" for each in self.instances(ref))

    def _phase(self, ref: OperationRef) -> Phase:
        return self._jobs.status(ref).phase
