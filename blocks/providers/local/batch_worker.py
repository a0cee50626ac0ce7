"""The process that scores one data set.

Run as ``python -m blocks.providers.local.batch_worker <job folder> <descriptor of its lock>``. It
writes down how it ended; if it is killed, whoever looks next finds the lock free and no word.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from blocks.contracts import BatchResult, Phase
from blocks.providers.local import processes
from blocks.providers.local.batch_jobs import BatchFolder, Ended, Job, Progress, ended
from blocks.providers.local.jobs import Started, StopOrder
from blocks.providers.local.paths import path_of
from blocks.serving.batch import CannotScore, load_scorer, rows_of, score_file
from blocks.serving.data_files import NO_ROWS, inputs_of
from blocks.workload.memory import peak_memory

_NOTE_EVERY = 0.5  # seconds


class _Stop(BaseException):
    """A signal asked this process to end."""


class _Overdue(BaseException):
    """It takes longer than was allowed."""


def run(folder: BatchFolder) -> None:
    """Run the job once. Who holds the lock and finds it not started may."""
    job = folder.read(Job)
    if job is None or folder.read(Started) is not None:
        return
    folder.write(Started(runner=processes.identify(), at=datetime.now(UTC)))
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _overdue)
    folder.write(_judged(folder, job))


def _judged(folder: BatchFolder, job: Job) -> Ended:
    try:
        limit = job.request.max_duration
        signal.setitimer(signal.ITIMER_REAL, max(0.001, limit.total_seconds()))
        rows = _Work(folder, job).through()
    except _Overdue:
        message = f"still running after {limit}; ask for a longer max_duration"
        return ended(Phase.FAILED, "MAX_DURATION", message)
    except _Stop:
        if folder.read(StopOrder) is not None:
            return ended(Phase.CANCELLED, "CANCELLED", "cancelled by request")
        return ended(Phase.INTERRUPTED, "NOTICE", "stopped after a notice")
    except CannotScore as error:
        return ended(Phase.FAILED, error.code, str(error))
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        return ended(Phase.FAILED, type(error).__name__, str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    result = BatchResult(output_uri=job.request.output_uri, rows=rows)
    return Ended(phase=Phase.SUCCEEDED, result=result, at=datetime.now(UTC))


class _Work:
    """The files of one job, one after the other."""

    def __init__(self, folder: BatchFolder, job: Job) -> None:
        self._folder, self._request = folder, job.request
        self._began, self._noted = time.monotonic(), 0.0
        self._rows = self._total = 0

    def through(self) -> int:
        """Score every file that is not scored yet; return the rows of all."""
        request = self._request
        files = inputs_of(path_of(request.data_uri))
        if not files:
            raise CannotScore("DATA", NO_ROWS.format(request.data_uri))
        self._total = sum(rows_of(source) for source, _ in files)
        scorer = load_scorer(path_of(request.model.uri), request.model.digest)
        for source, name in files:
            for rows in score_file(scorer, source, path_of(request.output_uri) / name):
                self._rows += rows
                self._note()
        self._note(last=True)
        return self._rows

    def _note(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if not last and now - self._noted < _NOTE_EVERY:
            return
        self._noted = now
        used = resource.getrusage(resource.RUSAGE_SELF)
        note = Progress(
            rows=self._rows,
            of=self._total,
            seconds=now - self._began,
            cpu_seconds=used.ru_utime + used.ru_stime,
            peak_memory_bytes=peak_memory(),
        )
        self._folder.write(note)


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # nothing may cut off the tidying up
    raise _Stop


def _overdue(_number: int, _frame: FrameType | None) -> None:
    raise _Overdue


if __name__ == "__main__":
    run(BatchFolder(Path(sys.argv[1])))
