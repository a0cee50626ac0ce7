"""How the conformance suite moves custom jobs of Vertex AI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import CustomJob, Scheduling

from blocks.contracts import OperationRef, Phase, TrainingRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.machines import from_machine_spec
from blocks.providers.gcp.training import VertexTraining
from blocks.providers.gcp.training_calls import KIND_LABEL, TRAINING
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.testing.waiting import until
from blocks.workload import Job
from blocks.workload.vertex import SOURCE

IMAGE = "us-docker.pkg.dev/rehearsal-project/bluewater/trainer:1"
_START = "blocks.workload.vertex"


class TrainingLevers:
    """The training part of the bench."""

    def __init__(self, account: GcpAccount, emulator: Project) -> None:
        self._account, self._emulator = account, emulator
        self._jobs = VertexTraining(account=account)

    def request(self, script: str) -> TrainingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        script = script or WAITS_FOR_A_LEVER
        root, objects = self._account.root, Objects(self._account.storage)
        home = f"{root}/code-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
        objects.write(f"{home}/train.py", script.encode())
        objects.write(f"{root}/data/rows.csv", b"x\n1\n")
        return TrainingRequest(
            image=IMAGE,
            source_uri=home,
            command=("python", "train.py"),
            machine="n1-standard-4",
            data_uri=f"{root}/data",
            checkpoint_uri=f"{root}/checkpoints",
            output_uri=f"{root}/output",
        )

    def begin(self, ref: OperationRef) -> None:
        """Wait until the command runs in place of the program that started it."""
        until(lambda: self._command(ref) is not None or self._phase(ref).done)
        until(lambda: self._phase(ref) is not Phase.QUEUED)
        assert self._phase(ref) is Phase.RUNNING  # noqa: S101

    def succeed(self, ref: OperationRef) -> None:
        """Pull the lever of the default script."""
        self._pull(ref, "")

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Pull the lever of the default script the other way."""
        self._pull(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine and leave no other."""
        self._emulator.pull("reclaim", job=ref.id, capacity=False)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end."""
        until(lambda: self._phase(ref).done)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the live command really got, and from the job what it cannot know."""
        job, command = self._described(ref), self._command(ref)
        if command is None:
            raise LookupError(f"job {ref.id} has no live command; begin it first")
        got, argv = command.environ(), command.cmdline()
        spec = job.job_spec
        container = spec.worker_pool_specs[0].container_spec
        return {
            "image": container.image_uri,
            "source_uri": got[SOURCE],
            "command": ("python", *argv[1:]) if "python" in Path(argv[0]).name else tuple(argv),
            "parameters": Job.from_environment(got).parameters,
            "env": {each.name: got[each.name] for each in container.env if _is_theirs(each.name)},
            "secrets": _secrets(got),
            "machine": from_machine_spec(spec.worker_pool_specs[0].machine_spec),
            "nodes": len(self._containers(ref)),
            "spot": spec.scheduling.strategy == Scheduling.Strategy.SPOT,
            "zone": got.get("BLUEWATER_ZONE", ""),
            "data_uri": got["BLUEWATER_DATA"],
            "checkpoint_uri": got["BLUEWATER_CHECKPOINTS_COPY"],
            "output_uri": spec.base_output_directory.output_uri_prefix,
            "max_duration": spec.scheduling.timeout,
        }

    def created(self) -> int:
        """Count this owner's jobs."""
        told = f'{self._account.mine} AND labels.{KIND_LABEL}="{TRAINING}"'
        asked = {"parent": self._account.parent, "filter": told}
        return len(list(self._account.client(JobServiceClient).list_custom_jobs(asked)))

    def _pull(self, ref: OperationRef, reason: str) -> None:
        self.begin(ref)
        for each in self._containers(ref):
            home = Path(psutil.Process(each["pid"]).cwd())
            draft = home / f".{ref.token}.lever"
            draft.write_text(reason)
            draft.rename(home / f"{ref.token}.lever")
        self.settle(ref)

    def _command(self, ref: OperationRef) -> psutil.Process | None:
        found = self._containers(ref)
        try:
            process = psutil.Process(found[0]["pid"]) if found else None
            return None if process is None or _START in process.cmdline() else process
        except psutil.NoSuchProcess:
            return None

    def _containers(self, ref: OperationRef) -> list[dict[str, Any]]:
        alive = self._emulator.running()
        return [each for each in alive if each["name"].startswith(f"custom-job/{ref.id}/")]

    def _described(self, ref: OperationRef) -> CustomJob:
        name = f"{self._account.parent}/customJobs/{ref.id}"
        return self._account.client(JobServiceClient).get_custom_job(name=name)

    def _phase(self, ref: OperationRef) -> Phase:
        return self._jobs.status(ref).phase


def _is_theirs(name: str) -> bool:
    return "BLUEWATER" not in name


def _secrets(got: Mapping[str, str]) -> dict[str, str]:
    names = json.loads(got.get("BLUEWATER_SECRETS_FROM", "{}"))
    return {
        variable: version.split("/")[3] for variable, version in names.items() if variable in got
    }
