"""The work of a batch job's container: scores a data set in a bucket, one file after the other.

A finished file carries in its notes which model scored which input, so the next attempt passes it
over.
"""

from __future__ import annotations

import functools
import hashlib
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

import psutil

from blocks.cloud.batch_notes import DIGEST, ROWS, Progress, Said, progress_of
from blocks.cloud.bucket import Bucket, Found
from blocks.contracts import BatchRequest
from blocks.serving.batch import CannotScore, Scorer, load_scorer, score_file
from blocks.workload.inside import inside
from blocks.workload.memory import peak_memory


class _Stop(BaseException):
    """Whoever runs the container asked this process to end."""


class _Overdue(BaseException):
    """It takes longer than was allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWork:
    """What is done to each file of a job, in whatever process; pickled where the bucket can be."""

    bucket: Bucket
    request: BatchRequest
    model: Path

    def rows(self, found: Found) -> int:
        """Score one file, unless this model has scored this very input; return its rows."""
        scorer = _loaded(self.model, self.request.model.digest)
        to = f"{self.request.output_uri.rstrip('/')}/{found.name}"
        mark = hashlib.sha256(f"{scorer.digest} {found.size} {found.etag}".encode()).hexdigest()
        before = self.bucket.notes(to)
        if before.get(DIGEST) == mark:
            return int(before[ROWS])
        with tempfile.TemporaryDirectory() as folder:
            source = inside(Path(folder) / "input", found.name)
            target = inside(Path(folder) / "output", found.name)
            source.parent.mkdir(parents=True)
            self.bucket.fetch(found, source)
            rows = sum(score_file(scorer, source, target))
            self._send(target, to, {DIGEST: mark, ROWS: str(rows)})
        return rows

    def _send(self, file: Path, to: str, notes: dict[str, str]) -> None:
        try:
            self.bucket.send(file, to, notes=notes)
        except Exception as error:
            raise CannotScore("UPLOAD", str(error)) from error


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
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _overdue)
    hands = hands or Alone()
    said = _judged(bucket, asked, model, hands)
    measured = {
        "cpu_seconds": hands.cpu_seconds,
        "peak_memory_bytes": hands.peak_memory_bytes,
    }
    return said.model_copy(update=measured)


def _judged(
    bucket: Bucket, asked: str, model: Callable[[BatchRequest], Path], hands: Hands
) -> Said:
    try:
        found = bucket.read(asked)
        if found is None:
            raise CannotScore("REQUEST", f"there is no request at {asked}")
        request = BatchRequest.model_validate_json(found[0])
        left = request.max_duration.total_seconds() - _age()
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left))
        work = FileWork(bucket=bucket, request=request, model=model(request))
        return Said(rows=_through(work, hands, progress_of(asked)))
    except _Overdue:
        message = f"still running after {request.max_duration}; ask for a longer max_duration"
        return Said(code="MAX_DURATION", message=message)
    except _Stop:
        return Said(code="CANCELLED", message="stopped by request")
    except CannotScore as error:
        return Said(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        return Said(code=type(error).__name__, message=str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _through(work: FileWork, hands: Hands, told: str) -> int:
    """Have every file scored that is not scored yet; return the rows of all."""
    files, rows = list(_files(work.bucket, work.request.data_uri)), 0
    if not files:
        where = work.request.data_uri
        raise CannotScore("DATA", f"{where} holds no Parquet file; check data_uri")

    def note(done: int) -> None:
        progress = Progress(done=done, of=len(files))
        work.bucket.write(told, progress.model_dump_json().encode())

    note(0)
    for done, more in enumerate(hands.scored(work, files), start=1):
        rows += more
        note(done)
    return rows


def _files(bucket: Bucket, data: str) -> Iterator[Found]:
    """Yield the Parquet files of the data set, in name order."""
    single = True
    for each in bucket.below(data):
        single = False
        hidden = any(part[0] in "._" for part in each.name.split("/"))
        if each.name.endswith(".parquet") and not hidden:
            yield each
    if single and (found := bucket.head(data)) is not None:
        yield found


@functools.cache
def _loaded(model: Path, digest: str) -> Scorer:
    return load_scorer(model, digest)


def _age() -> float:
    """Return the seconds since this process began: importing what it needs is part of the job."""
    return time.time() - float(psutil.Process().create_time())


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # nothing may cut off the tidying up
    raise _Stop


def _overdue(_number: int, _frame: FrameType | None) -> None:
    raise _Overdue
