"""What a job's folder says, in the words of the contract."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from blocks.contracts import Failure, OperationStatus, Phase, TrainingResult, Usage
from blocks.providers.local import processes
from blocks.providers.local.jobs import Command, Ended, Job, JobFolder, Reading, Started

_POLL_AFTER = timedelta(seconds=0.5)  # looking at a folder is cheap


def observe(folder: JobFolder, job: Job) -> OperationStatus[TrainingResult]:
    """Return the job's status as it is written down."""
    ended = folder.read(Ended)
    if ended is None:
        return OperationStatus(
            phase=Phase.RUNNING if _runs(folder) else Phase.QUEUED,
            usage=_usage(folder, job),
            progress=_progress(folder),
            poll_after=_POLL_AFTER,
        )
    succeeded = ended.phase is Phase.SUCCEEDED
    return OperationStatus(
        phase=ended.phase,
        result=ended.result,
        failure=None if succeeded else Failure(code=ended.code, message=ended.message),
        interruptions=int(ended.phase is Phase.INTERRUPTED),
        usage=_usage(folder, job),
        progress=_progress(folder),
    )


def _runs(folder: JobFolder) -> bool:
    """Whether the command was started; a runner may die before it could write that down."""
    started = folder.read(Started)
    if started is None or folder.read(Command) is not None:
        return started is not None
    return not processes.alive(started.runner)


def _usage(folder: JobFolder, job: Job) -> Usage | None:
    reading = folder.read(Reading)
    if reading is None:
        return None
    return Usage(
        machine=job.request.machine,
        seconds=reading.seconds,
        billed_seconds=reading.seconds,
        spot=job.request.spot,
        cpu_seconds=reading.cpu_seconds,
        peak_memory_bytes=reading.peak_memory_bytes,
    )


def _progress(folder: JobFolder) -> float | None:
    """Return the share done; the file belongs to the training code and may hold anything."""
    try:
        told: Any = json.loads(folder.progress.read_text())
        return min(1.0, max(0.0, float(told["done"]) / float(told["of"])))
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None
