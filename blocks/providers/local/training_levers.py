"""How the conformance suite moves training jobs of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from blocks.contracts import OperationRef, Phase, TrainingRequest
from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.jobs import Command, Job, JobFolder, Started
from blocks.providers.local.market import Market
from blocks.providers.local.paths import path_of
from blocks.providers.local.training import LocalTraining
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.testing.waiting import until
from blocks.workload import digest


class TrainingLevers:
    """The training part of the bench."""

    def __init__(self, machine: LocalMachine, folder: Path) -> None:
        self._machine, self._folder = machine, folder
        self._jobs = LocalTraining(machine=machine, market=Market(notice=5))

    def request(self, script: str) -> TrainingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        script = script or WAITS_FOR_A_LEVER
        home = self._folder / f"code-{hashlib.sha256(script.encode()).hexdigest()[:8]}"
        home.mkdir(parents=True, exist_ok=True)
        (home / "train.py").write_text(script)
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        return TrainingRequest(
            source_uri=home.as_uri(),
            command=("python", "train.py"),
            machine="local.small",
            data_uri=data.as_uri(),
            checkpoint_uri=(self._folder / "checkpoints").as_uri(),
            output_uri=(self._folder / "output").as_uri(),
        )

    def begin(self, ref: OperationRef) -> None:
        """Wait until the command runs and is known by its process."""
        folder = self._job(ref)
        until(lambda: folder.read(Command) is not None or self._phase(ref).done)
        assert self._phase(ref) is Phase.RUNNING  # noqa: S101

    def succeed(self, ref: OperationRef) -> None:
        """Pull the lever of the default script."""
        self._pull(ref, "")

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Pull the lever of the default script the other way."""
        self._pull(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        """Take a spot job back by notice; of any other job, pull the machine's plug."""
        folder = self._job(ref)
        job = folder.read(Job)
        if job is not None and job.request.spot:
            self._jobs.reclaim(ref)
        else:
            self.pull_the_plug(ref)
        self.settle(ref)

    def pull_the_plug(self, ref: OperationRef) -> None:
        """Kill runner and command at once, as a machine that is gone does."""
        folder = self._job(ref)
        until(lambda: folder.read(Started) is not None)
        for found in list(processes.owned(self._machine.owner)):
            if found.resource == folder.resource:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found.identity.pid, signal.SIGSTOP)  # nobody may see the other go
        for found in list(processes.owned(self._machine.owner)):
            if found.resource == folder.resource:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found.identity.pid, signal.SIGKILL)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end, and until its processes are gone."""
        until(lambda: self._phase(ref).done and self._is_free(ref))

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the live command really got, and from the job's record what it cannot know."""
        folder = self._job(ref)
        job, command = folder.read(Job), folder.read(Command)
        if job is None or command is None:
            raise LookupError(f"job {ref.id} has no live command; begin it first")
        process = psutil.Process(command.process.pid)
        got, asked = process.environ(), job.request
        argv = process.cmdline()
        return {
            **dict(asked),
            "source_uri": _copied(Path(process.cwd()), asked.source_uri),
            "zone": got.get("BLUEWATER_ZONE", ""),
            "nodes": 1,  # one command is all there is
            "command": ("python" if argv[0] == sys.executable else argv[0], *argv[1:]),
            "parameters": json.loads(got["BLUEWATER_PARAMETERS"]),
            "env": {name: got[name] for name in asked.env if name in got},
            "secrets": {name: asked.secrets[name] for name in asked.secrets if name in got},
            "data_uri": Path(got["BLUEWATER_DATA"]).as_uri(),
            "checkpoint_uri": Path(got["BLUEWATER_CHECKPOINTS"]).as_uri(),
            "output_uri": Path(got["BLUEWATER_OUTPUT"]).as_uri(),
        }

    def created(self) -> int:
        """Count the job folders."""
        return len(JobFolder.below(self._machine.folder("jobs")))

    def _pull(self, ref: OperationRef, reason: str) -> None:
        self.begin(ref)
        source = self._job(ref).source
        draft = source / f".{ref.token}.lever"
        draft.write_text(reason)
        draft.rename(source / f"{ref.token}.lever")
        self.settle(ref)

    def _job(self, ref: OperationRef) -> JobFolder:
        return JobFolder(self._machine.folder("jobs") / ref.id)

    def _is_free(self, ref: OperationRef) -> bool:
        with self._job(ref).lock() as lock:
            return lock is not None

    def _phase(self, ref: OperationRef) -> Phase:
        return self._jobs.status(ref).phase


def _copied(here: Path, source: str) -> str:
    """Return which source a job works in a copy of: the one that it should, or that place."""
    return source if digest(here) == digest(path_of(source)) else here.as_uri()
