"""The work of a batch job's container: scores a data set in a bucket, one file after the other.

A finished file carries in its notes which model scored which input, so the next attempt passes it
over.
"""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import psutil

from blocks.cloud.batch_notes import Progress, Said, progress_of
from blocks.cloud.bucket import Bucket
from blocks.cloud.job_files import data_files
from blocks.cloud.scored_files import scored
from blocks.contracts import BatchRequest
from blocks.serving.batch import CannotScore, load_scorer
from blocks.workload.memory import peak_memory

STOPPED = "CANCELLED"  # code of what was asked to end


class Stop(BaseException):
    """Whoever runs the container asked this process to end."""


class _Overdue(BaseException):
    """It takes longer than was allowed."""


def score(bucket: Bucket, asked: str, model: Callable[[BatchRequest], Path]) -> Said:
    """Do what the request at the URI ``asked`` wants, and return how it ended. Once in a process.

    ``model`` gives the folder of the request's model, and may take its time to bring it.
    """
    listen()
    try:
        return judged(bucket, asked, lambda request: _through(bucket, request, asked, model))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def listen() -> None:
    """Have this process, in its main thread, hear that it shall end, and that it takes too long."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _overdue)


def judged(bucket: Bucket, asked: str, work: Callable[[BatchRequest], int]) -> Said:
    """Do a part of the request at the URI ``asked``, and return how it ended and what it took.

    ``work`` returns its rows. The request's time counts from the begin of this process.
    """
    said = _said(bucket, asked, work)
    used = resource.getrusage(resource.RUSAGE_SELF)
    measured = {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_memory_bytes": peak_memory(),
    }
    return said.model_copy(update=measured)


def _said(bucket: Bucket, asked: str, work: Callable[[BatchRequest], int]) -> Said:
    try:
        found = bucket.read(asked)
        if found is None:
            raise CannotScore("REQUEST", f"there is no request at {asked}")
        request = BatchRequest.model_validate_json(found[0])
        left = request.max_duration.total_seconds() - _age()
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left))
        return Said(rows=work(request))
    except _Overdue:
        message = f"still running after {request.max_duration}; ask for a longer max_duration"
        return Said(code="MAX_DURATION", message=message)
    except Stop:
        return Said(code=STOPPED, message="stopped by request")
    except CannotScore as error:
        return Said(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        return Said(code=type(error).__name__, message=str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _through(
    bucket: Bucket, request: BatchRequest, asked: str, model: Callable[[BatchRequest], Path]
) -> int:
    """Score every file that is not scored yet; return the rows of all."""
    files, rows = list(data_files(bucket, request)), 0
    if not files:
        raise CannotScore("DATA", f"{request.data_uri} holds no Parquet file; check data_uri")
    scorer = load_scorer(model(request), request.model.digest)

    def note(done: int) -> None:
        told = Progress(done=done, of=len(files))
        bucket.write(progress_of(asked), told.model_dump_json().encode())

    for number, found in enumerate(files):
        note(number)
        rows += scored(bucket, request, scorer, found)
    note(len(files))
    return rows


def _age() -> float:
    """Return the seconds since this process began: importing what it needs is part of the job."""
    return time.time() - float(psutil.Process().create_time())


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # nothing may cut off the tidying up
    raise Stop


def _overdue(_number: int, _frame: FrameType | None) -> None:
    raise _Overdue
