"""Training jobs of this machine, begun, and what is written down of them."""

from __future__ import annotations

from blocks.contracts import OperationRef, Phase, RunKey, TrainingRequest
from blocks.providers.local import processes
from blocks.providers.local.jobs import Command, JobFolder
from blocks.providers.local.training import LocalTraining
from blocks.testing.bench import Bench

KEY = RunKey(run="run-1", step="train")

IGNORES_NOTICE = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    time.sleep(0.02)
"""


def folder_of(jobs: LocalTraining, ref: OperationRef) -> JobFolder:
    return JobFolder(jobs.machine.folder("jobs") / ref.id)


def begun(bench: Bench, jobs: LocalTraining, request: TrainingRequest) -> OperationRef:
    bench.begin(ref := jobs.submit(request, key=KEY))
    return ref


def command_of(jobs: LocalTraining, ref: OperationRef) -> processes.Identity:
    command = folder_of(jobs, ref).read(Command)
    assert command is not None
    return command.process


def failure_of(jobs: LocalTraining, ref: OperationRef) -> tuple[Phase, str, str]:
    status = jobs.status(ref)
    assert status.failure is not None
    return status.phase, status.failure.code, status.failure.message
