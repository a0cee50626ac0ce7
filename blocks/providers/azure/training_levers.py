"""How the conformance suite moves jobs of Azure Machine Learning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from blocks.contracts import OperationRef, Phase, TrainingRequest
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.jobs import TRAINING, kind_of
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.training import AzureTraining
from blocks.providers.azure.training_calls import limit_of
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.testing.waiting import until
from blocks.workload import Job

IMAGE = "registry.azurecr.io/bluewater-trainer:1"
AT_ONCE: Mapping[str, Any] = {"spot_wait": timedelta(0)}  # what lost its machine is given up
_START = "blocks.workload.start"


class TrainingLevers:
    """The training part of the bench."""

    def __init__(self, account: AzureAccount, emulator: Subscription) -> None:
        self._account, self._emulator = account, emulator
        self._jobs = AzureTraining(account=account, **AT_ONCE)
        self._objects = Objects(account)

    def request(self, script: str) -> TrainingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        script = script or WAITS_FOR_A_LEVER
        root = self._account.root
        home = f"{root}/code-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
        self._objects.write(f"{home}/train.py", script.encode())
        self._objects.write(f"{root}/data/rows.csv", b"x\n1\n")
        return TrainingRequest(
            image=IMAGE,
            source_uri=home,
            command=("python", "train.py"),
            machine="Standard_D4s_v3",
            data_uri=f"{root}/data",
            checkpoint_uri=f"{root}/checkpoints",
            output_uri=f"{root}/output",
        )

    def begin(self, ref: OperationRef) -> None:
        """Wait until the command runs in place of the program that started it."""
        until(lambda: self._is_running(ref) or self._phase(ref).done)
        assert self._phase(ref) is Phase.RUNNING  # noqa: S101

    def succeed(self, ref: OperationRef) -> None:
        """Pull the lever of the default script."""
        self._pull(ref, "")

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Pull the lever of the default script the other way."""
        self._pull(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine and leave no other, until whoever looks gives the job up."""
        self._emulator.pull("reclaim", job=ref.id, capacity=False)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end."""
        until(lambda: self._phase(ref).done)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the live command really got, and from the job what it cannot know."""
        job, command = self._job(ref), self._command(ref)
        if command is None:
            raise LookupError(f"job {ref.id} has no live command; begin it first")
        got, argv = command.environ(), command.cmdline()
        return {
            "image": self._image(job),
            "source_uri": job.inputs["source"].path,
            "command": ("python", *argv[1:]) if "python" in Path(argv[0]).name else tuple(argv),
            "parameters": Job.from_environment(got).parameters,
            "env": {
                name: got[name] for name in job.environment_variables if "BLUEWATER" not in name
            },
            "secrets": _secrets(job, got),
            "machine": job.resources.instance_type,
            "nodes": len(self._containers(ref)),
            "spot": (job.queue_settings.job_tier or "").lower() == "spot",
            "zone": got.get("BLUEWATER_ZONE", ""),
            "data_uri": job.inputs["data"].path,
            "checkpoint_uri": self._uri(job.outputs["checkpoints"].path),
            "output_uri": self._uri(job.outputs["output"].path),
            "max_duration": limit_of(job),
        }

    def created(self) -> int:
        """Count this owner's jobs."""
        mine = self._account.named("")
        jobs = self._account.ml().jobs.list()
        return sum(job.name.startswith(mine) and kind_of(job) == TRAINING for job in jobs)

    def _pull(self, ref: OperationRef, reason: str) -> None:
        self.begin(ref)
        source = Path(self._live(ref).cwd())
        draft = source / f".{ref.token}.lever"
        draft.write_text(reason)
        draft.rename(source / f"{ref.token}.lever")
        self.settle(ref)

    def _image(self, job: Any) -> str:
        name, _, version = str(job.environment).rpartition(":")
        found = self._account.ml().environments.get(name.removeprefix("azureml:"), version)
        return str(found.image)

    def _uri(self, path: str) -> str:
        inside = path.partition("/paths/")[2].removeprefix(f"{self._account.prefix}/")
        return f"{self._account.root}/{inside}"

    def _live(self, ref: OperationRef) -> psutil.Process:
        found = self._command(ref)
        if found is None:
            raise LookupError(f"job {ref.id} has no live command; begin it first")
        return found

    def _is_running(self, ref: OperationRef) -> bool:
        return self._command(ref) is not None and self._job(ref).status == "Running"

    def _command(self, ref: OperationRef) -> psutil.Process | None:
        """Return the command, once the shell and the program that starts it have become it."""
        found = self._containers(ref)
        try:
            process = psutil.Process(found[0]["pid"]) if found else None
            line = process.cmdline() if process else []
            early = not line or _START in " ".join(line) or line[0].endswith("bash")
            return None if early else process
        except psutil.NoSuchProcess:
            return None

    def _containers(self, ref: OperationRef) -> list[dict[str, Any]]:
        alive = self._emulator.running()
        return [each for each in alive if each["name"].startswith(f"job/{ref.id}/")]

    def _job(self, ref: OperationRef) -> Any:
        return self._account.ml().jobs.get(ref.id)

    def _phase(self, ref: OperationRef) -> Phase:
        return self._jobs.status(ref).phase


def _secrets(job: Any, got: Mapping[str, str]) -> dict[str, str]:
    names = json.loads(job.environment_variables.get("BLUEWATER_SECRETS_FROM", "{}"))
    return {variable: name for variable, name in names.items() if variable in got}
