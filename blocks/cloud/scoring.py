"""The work of a batch job's container: has a data set in a bucket scored, and says how it ended."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

from blocks.cloud.batch_notes import Progress, Said, progress_of
from blocks.cloud.bucket import Bucket, Found
from blocks.cloud.deadline import Overdue, end_after, no_end, too_long
from blocks.cloud.scored_files import FileWork, scorable
from blocks.contracts import BatchRequest
from blocks.serving.batch import CannotScore
from blocks.workload.memory import peak_memory

STOPPED = "CANCELLED"  # code of what was asked to end


class Stop(BaseException):
    """Whoever runs the container asked this process to end."""


class Hands(Protocol):
    """Who scores the files of a job, and what it took them."""

    @property
    def cpu_seconds(self) -> float:
        """Return what they have used so far."""
        ...

    @property
    def peak_memory_bytes(self) -> int:
        """Return what one of them held at most."""
        ...

    def scored(self, work: FileWork, files: Sequence[Found]) -> Iterator[int]:
        """Yield the rows of each file that is done, in order. Raises CannotScore."""
        ...


class Alone:
    """This process does it, one file after the other."""

    @property
    def cpu_seconds(self) -> float:
        """Return what this process has used so far."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    @property
    def peak_memory_bytes(self) -> int:
        """Return what this process held at most."""
        return peak_memory()

    def scored(self, work: FileWork, files: Sequence[Found]) -> Iterator[int]:
        """Yield the rows of each file that is done, in order. Raises CannotScore."""
        yield from map(work.rows, files)


def score(
    bucket: Bucket,
    asked: str,
    model: Callable[[BatchRequest], Path],
    *,
    hands: Hands | None = None,
) -> Said:
    """Do what the request at the URI ``asked`` wants, and return how it ended. Once in a process.

    ``model`` gives the folder of the request's model, and may take its time to bring it; ``hands``
    do it elsewhere than in this process.
    """
    hands = hands or Alone()

    def through(request: BatchRequest) -> int:
        work = FileWork(bucket=bucket, request=request, model=model(request))
        return _through(work, hands, progress_of(asked))

    listen()
    try:
        return judged(bucket, asked, through, hands=hands)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def listen() -> None:
    """Have Stop raised in the main thread of this process, once, when it shall end."""
    signal.signal(signal.SIGTERM, _stop)


def judged(
    bucket: Bucket,
    asked: str,
    work: Callable[[BatchRequest], int],
    *,
    hands: Hands | None = None,
) -> Said:
    """Do a part of the request at the URI ``asked``, and return how it ended and what it took.

    ``work`` returns its rows. The request's time counts from the begin of this process.
    """
    hands = hands or Alone()
    said = _said(bucket, asked, work)
    measured = {"cpu_seconds": hands.cpu_seconds, "peak_memory_bytes": hands.peak_memory_bytes}
    return said.model_copy(update=measured)


def _said(bucket: Bucket, asked: str, work: Callable[[BatchRequest], int]) -> Said:
    try:
        found = bucket.read(asked)
        if found is None:
            raise CannotScore("REQUEST", f"there is no request at {asked}")
        request = BatchRequest.model_validate_json(found[0])
        end_after(request.max_duration)
        return Said(rows=work(request))
    except Overdue:
        return too_long(request.max_duration)
    except Stop:
        return Said(code=STOPPED, message="stopped by request")
    except CannotScore as error:
        return Said(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        return Said(code=type(error).__name__, message=str(error))
    finally:
        no_end()


def _through(work: FileWork, hands: Hands, told: str) -> int:
    """Have every file scored that is not scored yet; return the rows of all."""
    files, rows = scorable(work.bucket, work.request), 0

    def note(done: int) -> None:
        progress = Progress(done=done, of=len(files))
        work.bucket.write(told, progress.model_dump_json().encode())

    note(0)
    for done, more in enumerate(hands.scored(work, files), start=1):
        rows += more
        note(done)
    return rows


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # nothing may cut off the tidying up
    raise Stop
