"""How the conformance suite moves training runs of Databricks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import psutil
from databricks.sdk.service.jobs import Run

from blocks.contracts import OperationRef, Phase, TrainingRequest
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.clusters import is_spot
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.runs import TRAINING, is_of, machines_of, task_of
from blocks.providers.databricks.training import DatabricksTraining
from blocks.providers.databricks.training_calls import output_of
from blocks.providers.databricks.volumes import Volumes
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.testing.waiting import until
from blocks.workload import Job
from blocks.workload.databricks import PLAN, plan_of

IMAGE, MACHINE = "registry.example.com/bluewater-trainer:1", "m5.xlarge"


class TrainingLevers:
    """The training part of the bench."""

    def __init__(self, account: DatabricksWorkspace, emulator: Workspace) -> None:
        self._account, self._emulator = account, emulator
        self._jobs = DatabricksTraining(account=account)
        self._volumes = Volumes(account)

    def request(self, script: str) -> TrainingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        script = script or WAITS_FOR_A_LEVER
        root = self._account.root
        home = f"{root}/code-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
        self._volumes.write(f"{home}/train.py", script.encode())
        self._volumes.write(f"{root}/data/rows.csv", b"x\n1\n")
        return TrainingRequest(
            image=IMAGE,
            source_uri=home,
            command=("python", "train.py"),
            machine=MACHINE,
            data_uri=f"{root}/data",
            checkpoint_uri=f"{root}/checkpoints",
            output_uri=f"{root}/output",
        )

    def begin(self, ref: OperationRef) -> None:
        """Wait until the command runs that the first program of the run starts."""
        until(lambda: self._is_running(ref) or self._phase(ref).done)
        assert self._phase(ref) is Phase.RUNNING  # noqa: S101

    def succeed(self, ref: OperationRef) -> None:
        """Pull the lever of the default script."""
        self._pull(ref, "")

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Pull the lever of the default script the other way."""
        self._pull(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine."""
        self._emulator.pull("reclaim", job=ref.id)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end."""
        until(lambda: self._phase(ref).done)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the live command really got, and from the run what it cannot know."""
        run, command = self._run(ref), self._live(ref)
        cluster, notes = task_of(run).new_cluster, f"{output_of(run)}/.job-{ref.token}"
        content = self._volumes.read(f"{notes}/{PLAN}")
        assert cluster is not None and content is not None  # noqa: S101
        plan, got, argv = plan_of(content[0]), command.environ(), command.cmdline()
        asked = [name for name in plan.env if "BLUEWATER" not in name]
        variables = cluster.spark_env_vars or {}
        return {
            "image": cluster.docker_image.url if cluster.docker_image else "",
            "source_uri": plan.source_uri,
            "command": ("python", *argv[1:]) if "python" in Path(argv[0]).name else tuple(argv),
            "parameters": Job.from_environment(got).parameters,
            "env": {name: got[name] for name in asked},
            "secrets": {
                name: told.removesuffix("}}").rpartition("/")[2]
                for name, told in variables.items()
                if name in got
            },
            "machine": machines_of(run).machine,
            "nodes": 1 + (cluster.num_workers or 0),
            "spot": machines_of(run).spot if cluster.instance_pool_id else is_spot(cluster),
            "zone": got.get("BLUEWATER_ZONE", ""),
            "data_uri": got["BLUEWATER_DATA"],
            "checkpoint_uri": got["BLUEWATER_CHECKPOINTS"],
            "output_uri": got["BLUEWATER_OUTPUT"],
            "max_duration": timedelta(seconds=task_of(run).timeout_seconds or 0),
        }

    def created(self) -> int:
        """Count this owner's runs."""
        jobs, owner = self._account.client(attempts=READS).jobs, self._account.owner
        mine = self._account.named("")
        runs = jobs.list_runs(expand_tasks=True)
        return sum(is_of(run, owner, mine, TRAINING) for run in runs)

    def _pull(self, ref: OperationRef, reason: str) -> None:
        self.begin(ref)
        source = Path(self._live(ref).cwd())
        draft = source / f".{ref.token}.lever"
        draft.write_text(reason)
        draft.rename(source / f"{ref.token}.lever")
        self.settle(ref)

    def _live(self, ref: OperationRef) -> psutil.Process:
        found = self._command(ref)
        if found is None:
            raise LookupError(f"run {ref.id} has no live command; begin it first")
        return found

    def _is_running(self, ref: OperationRef) -> bool:
        return self._command(ref) is not None and self._phase(ref) is Phase.RUNNING

    def _command(self, ref: OperationRef) -> psutil.Process | None:
        """Return the command, once the copy of the first program has become it."""
        alive = self._emulator.running()
        found = [each for each in alive if each["name"].startswith(f"run/{ref.id}/")]
        try:
            first = psutil.Process(found[0]["pid"]) if found else None
            started = first.children() if first else []
            early = not started or started[0].cmdline() in ([], first.cmdline() if first else [])
            return None if early else started[0]
        except psutil.NoSuchProcess:
            return None

    def _run(self, ref: OperationRef) -> Run:
        return self._account.client(attempts=READS).jobs.get_run(int(ref.id))

    def _phase(self, ref: OperationRef) -> Phase:
        return self._jobs.status(ref).phase
