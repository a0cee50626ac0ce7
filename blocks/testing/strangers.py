"""Other processes that use the same provider: they may be many, and they may be killed.

A stranger is started once, imports what it must, and then forks for every call, so that a test can
let a hundred processes submit, or die while they do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from prefect.blocks.core import Block

from blocks.contracts import OperationRef, RunKey, TrainingJobs, TrainingRequest
from blocks.registry import load


@dataclass(slots=True)
class Strangers:
    """A program that forks one process per call and tells what came of it."""

    _program: subprocess.Popen[str]
    _told: dict[int, OperationRef] = field(default_factory=dict)

    def submit(self, request: TrainingRequest, *, key: RunKey, at: float = 0.0) -> int:
        """Let a new process submit, many of them ``at`` one moment; return its pid at once."""
        call = {
            "request": request.model_dump(mode="json"),
            "key": key.model_dump(mode="json"),
            "at": at,
        }
        assert self._program.stdin is not None  # noqa: S101
        self._program.stdin.write(json.dumps(call) + "\n")
        self._program.stdin.flush()
        while "forked" not in (said := self._hear()):
            self._keep(said)
        return int(said["forked"])

    def ref(self, pid: int) -> OperationRef:
        """Wait for what the process was told."""
        while pid not in self._told:
            self._keep(self._hear())
        return self._told[pid]

    def _keep(self, said: dict[str, Any]) -> None:
        self._told[int(said["pid"])] = OperationRef.model_validate(said["ref"])

    def _hear(self) -> dict[str, Any]:
        assert self._program.stdout is not None  # noqa: S101
        return cast(dict[str, Any], json.loads(self._program.stdout.readline()))


@contextmanager
def strangers(jobs: TrainingJobs) -> Iterator[Strangers]:
    """Start a program with a provider of its own, configured like ``jobs``."""
    if not isinstance(jobs, Block):
        raise TypeError(f"{type(jobs).__qualname__} is no block, so it cannot be sent")
    settings = jobs.model_dump_json(
        include=set(type(jobs).model_fields), context={"include_secrets": True}
    )
    path = f"{type(jobs).__module__}:{type(jobs).__qualname__}"
    program = subprocess.Popen(
        [sys.executable, "-m", "blocks.testing.strangers", path, settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Strangers(program)
    finally:
        program.communicate()


def _serve(path: str, settings: str) -> None:
    jobs = load(path).model_validate_json(settings)
    for line in sys.stdin:
        call = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _submit(jobs, call)
            os._exit(0)
        _say({"forked": pid})
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _submit(jobs: TrainingJobs, call: dict[str, Any]) -> None:
    request = TrainingRequest.model_validate(call["request"])
    key = RunKey.model_validate(call["key"])
    time.sleep(max(0.0, call["at"] - time.time()))
    ref = jobs.submit(request, key=key)
    _say({"pid": os.getpid(), "ref": ref.model_dump(mode="json")})


def _say(value: dict[str, Any]) -> None:
    os.write(1, (json.dumps(value) + "\n").encode())  # one write, so that lines stay whole


if __name__ == "__main__":
    _serve(*sys.argv[1:])
