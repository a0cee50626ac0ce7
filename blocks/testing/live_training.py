"""Moves training jobs that run as real processes of an emulated cloud, whatever cloud it is."""

from __future__ import annotations

import abc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import psutil

from blocks.contracts import OperationRef, Phase, TrainingJobs, TrainingRequest
from blocks.emulation.launch import Emulator
from blocks.testing.uploads import Uploads
from blocks.testing.waiting import until
from blocks.workload import Job


class LiveTraining(abc.ABC):
    """The training part of a bench; a cloud adds what only it knows.

    ``starter`` is in the command line of whatever starts the command in a container, and ends by
    becoming it.
    """

    starter: ClassVar[str]
    image: ClassVar[str]
    machine: ClassVar[str]

    def __init__(self, jobs: TrainingJobs, emulator: Emulator, uploads: Uploads) -> None:
        self._jobs, self._emulator, self._uploads = jobs, emulator, uploads

    def request(self, script: str) -> TrainingRequest:
        """Return a request that runs the script; the same script gives the same request."""
        return self._uploads.training_request(script, image=self.image, machine=self.machine)

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
        """Take the machine and leave no other; wait until that is the job's end."""
        self._emulator.pull("reclaim", job=ref.id, capacity=False)
        self.settle(ref)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end."""
        until(lambda: self._phase(ref).done)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the live command really got, and from the job what it cannot know."""
        command = self._command(ref)
        if command is None:
            raise LookupError(f"job {ref.id} has no live command; begin it first")
        got, argv = command.environ(), command.cmdline()
        asked = {
            "command": ("python", *argv[1:]) if "python" in Path(argv[0]).name else tuple(argv),
            "parameters": Job.from_environment(got).parameters,
            "secrets": secrets_in(got),
            "nodes": len(self._containers(ref)),
            "zone": got.get("BLUEWATER_ZONE", ""),
        }
        return {**asked, **self._told(ref, got)}

    @abc.abstractmethod
    def created(self) -> int:
        """Count this owner's jobs."""

    @abc.abstractmethod
    def _told(self, ref: OperationRef, got: Mapping[str, str]) -> Mapping[str, object]:
        """Tell of the rest, from the cloud's description and the command's environment."""

    def _pull(self, ref: OperationRef, reason: str) -> None:
        self.begin(ref)
        for each in self._containers(ref):
            source = Path(psutil.Process(each["pid"]).cwd())
            draft = source / f".{ref.token}.lever"
            draft.write_text(reason)
            draft.rename(source / f"{ref.token}.lever")
        self.settle(ref)

    def _command(self, ref: OperationRef) -> psutil.Process | None:
        """Return the command, once the program that starts it has become it."""
        found = self._containers(ref)
        try:
            process = psutil.Process(found[0]["pid"]) if found else None
            line = process.cmdline() if process else []
        except psutil.NoSuchProcess:
            return None
        early = not line or line[0].endswith("bash") or self.starter in " ".join(line)
        return None if early else process

    def _containers(self, ref: OperationRef) -> list[dict[str, Any]]:
        mine = f"{self._emulator.training}/{ref.id}/"
        return [each for each in self._emulator.running() if each["name"].startswith(mine)]

    def _phase(self, ref: OperationRef) -> Phase:
        return self._jobs.status(ref).phase


def secrets_in(got: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the secrets that a command got, by variable."""
    names: dict[str, str] = json.loads(got.get("BLUEWATER_SECRETS_FROM", "{}"))
    return {variable: name for variable, name in names.items() if variable in got}
