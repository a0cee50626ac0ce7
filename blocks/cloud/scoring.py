"""The work of a batch job's container: scores a data set in a bucket, one file after the other.

A finished file carries in its notes which model scored which input, so the next attempt passes it
over.
"""

from __future__ import annotations

import resource
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from blocks.cloud.batch_notes import DIGEST, ROWS, Progress, Said, progress_of
from blocks.cloud.bucket import Bucket, Found
from blocks.cloud.deadline import Overdue, end_after, no_end, too_long
from blocks.cloud.scored_files import mark_of, parquet_files
from blocks.contracts import BatchRequest
from blocks.serving.batch import CannotScore, Scorer, load_scorer, score_file
from blocks.workload.inside import inside
from blocks.workload.memory import peak_memory


class _Stop(BaseException):
    """Whoever runs the container asked this process to end."""


def score(bucket: Bucket, asked: str, model: Callable[[BatchRequest], Path]) -> Said:
    """Do what the request at the URI ``asked`` wants, and return how it ended. Once in a process.

    ``model`` gives the folder of the request's model, and may take its time to bring it.
    """
    signal.signal(signal.SIGTERM, _stop)
    said = _judged(bucket, asked, model)
    used = resource.getrusage(resource.RUSAGE_SELF)
    measured = {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_memory_bytes": peak_memory(),
    }
    return said.model_copy(update=measured)


def _judged(bucket: Bucket, asked: str, model: Callable[[BatchRequest], Path]) -> Said:
    try:
        found = bucket.read(asked)
        if found is None:
            raise CannotScore("REQUEST", f"there is no request at {asked}")
        request = BatchRequest.model_validate_json(found[0])
        end_after(request.max_duration)
        return Said(rows=_Work(bucket, request, asked).through(model(request)))
    except Overdue:
        return too_long(request.max_duration)
    except _Stop:
        return Said(code="CANCELLED", message="stopped by request")
    except CannotScore as error:
        return Said(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        return Said(code=type(error).__name__, message=str(error))
    finally:
        no_end()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def scorable(bucket: Bucket, request: BatchRequest) -> list[Found]:
    """Return the Parquet files of a data set, in name order. Raises CannotScore without any."""
    found = list(parquet_files(bucket, request.data_uri))
    if not found:
        raise CannotScore("DATA", f"{request.data_uri} holds no Parquet file; check data_uri")
    return found


def score_found(
    bucket: Bucket,
    request: BatchRequest,
    scorer: Scorer,
    found: Found,
    fetch: Callable[[], Path],
) -> int:
    """Score one file, unless this model has scored this very input; return its rows.

    ``fetch`` brings the file. Raises CannotScore.
    """
    to = f"{request.output_uri.rstrip('/')}/{found.name}"
    mark = mark_of(scorer.digest, size=found.size, etag=found.etag)
    before = bucket.notes(to)
    if before.get(DIGEST) == mark:
        return int(before[ROWS])
    with tempfile.TemporaryDirectory() as folder:
        target = inside(Path(folder), found.name)
        rows = sum(score_file(scorer, fetch(), target))
        try:
            bucket.send(target, to, notes={DIGEST: mark, ROWS: str(rows)})
        except Exception as error:
            raise CannotScore("UPLOAD", str(error)) from error
    return rows


class _Work:
    """The files of one job."""

    def __init__(self, bucket: Bucket, request: BatchRequest, asked: str) -> None:
        self._bucket, self._request = bucket, request
        self._told = progress_of(asked)

    def through(self, model: Path) -> int:
        """Score every file that is not scored yet; return the rows of all."""
        files, rows = scorable(self._bucket, self._request), 0
        scorer = load_scorer(model, self._request.model.digest)
        for number, found in enumerate(files):
            self._note(number, len(files))
            rows += self._scored(scorer, found)
        self._note(len(files), len(files))
        return rows

    def _scored(self, scorer: Scorer, found: Found) -> int:
        with tempfile.TemporaryDirectory() as folder:

            def fetch() -> Path:
                source = inside(Path(folder), found.name)
                source.parent.mkdir(parents=True, exist_ok=True)
                self._bucket.fetch(found, source)
                return source

            return score_found(self._bucket, self._request, scorer, found, fetch)

    def _note(self, done: int, of: int) -> None:
        self._bucket.write(self._told, Progress(done=done, of=of).model_dump_json().encode())


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # nothing may cut off the tidying up
    raise _Stop
