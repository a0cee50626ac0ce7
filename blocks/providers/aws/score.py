"""The container of a batch job: scores a data set of S3, one file after the other.

Run as ``python -m blocks.providers.aws.score``. A finished file carries in its metadata which model
scored which input, so the next attempt passes it over. How it ended is SageMaker's exit message.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
import psutil
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig

from blocks.contracts import BatchRequest
from blocks.providers.aws.batch_calls import ASKED, DIGEST, ROWS, Progress, Said
from blocks.providers.aws.s3 import Found, Objects, place_of
from blocks.serving.batch import CannotScore, Scorer, load_scorer, score_file
from blocks.workload.inside import inside
from blocks.workload.memory import peak_memory

OPT_ML = "BLUEWATER_OPT_ML"  # what stands for /opt/ml where that cannot be had
_ALONE = TransferConfig(use_threads=False)  # one part in memory at a time


class _Stop(BaseException):
    """SageMaker asked this process to end."""


class _Overdue(BaseException):
    """It takes longer than was allowed."""


def main() -> None:
    """Score, and say at the end how it went."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _overdue)
    mount = Path(os.environ.get(OPT_ML, "/opt/ml"))
    said = _judged(mount / "processing" / "model", os.environ[ASKED])
    used = resource.getrusage(resource.RUSAGE_SELF)
    measured = {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_memory_bytes": peak_memory(),
    }
    place = mount / "output"
    place.mkdir(parents=True, exist_ok=True)
    (place / "message").write_text(said.model_copy(update=measured).to_message())
    if said.code:
        print(said.message, flush=True)
        sys.exit(1)


def _judged(model: Path, asked: str) -> Said:
    objects = Objects(boto3.client("s3"))
    try:
        found = objects.read(asked)
        if found is None:
            raise CannotScore("REQUEST", f"there is no request at {asked}")
        request = BatchRequest.model_validate_json(found[0])
        left = request.max_duration.total_seconds() - _age()
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left))
        return Said(rows=_Work(objects, request, asked).through(model))
    except _Overdue:
        message = f"still running after {request.max_duration}; ask for a longer max_duration"
        return Said(code="MAX_DURATION", message=message)
    except _Stop:
        return Said(code="CANCELLED", message="stopped by request")
    except CannotScore as error:
        return Said(code=error.code, message=str(error))
    except S3UploadFailedError as error:
        return Said(code="UPLOAD", message=str(error))
    except Exception as error:  # noqa: BLE001 - the model's code may raise anything
        return Said(code=type(error).__name__, message=str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _Work:
    """The files of one job."""

    def __init__(self, objects: Objects, request: BatchRequest, asked: str) -> None:
        self._objects, self._request = objects, request
        self._told = f"{asked.rpartition('/')[0]}/progress.json"
        self._s3: Any = boto3.client("s3")

    def through(self, model: Path) -> int:
        """Score every file that is not scored yet; return the rows of all."""
        files, rows = list(self._files()), 0
        if not files:
            where = self._request.data_uri
            raise CannotScore("DATA", f"{where} holds no Parquet file; check data_uri")
        scorer = load_scorer(model, self._request.model.digest)
        for number, found in enumerate(files):
            self._note(number, len(files))
            rows += self._scored(scorer, found)
        self._note(len(files), len(files))
        return rows

    def _files(self) -> Iterator[Found]:
        """Yield the Parquet files of the data set, in name order."""
        data, single = self._request.data_uri, True
        for each in self._objects.below(data):
            single = False
            hidden = any(part[0] in "._" for part in each.name.split("/"))
            if each.name.endswith(".parquet") and not hidden:
                yield each
        if single and (found := self._objects.head(data)) is not None:
            yield found

    def _scored(self, scorer: Scorer, found: Found) -> int:
        """Score one file, unless this model has scored this very input; return its rows."""
        bucket, key = place_of(f"{self._request.output_uri.rstrip('/')}/{found.name}")
        mark = hashlib.sha256(f"{scorer.digest} {found.size} {found.etag}".encode()).hexdigest()
        before = self._metadata(bucket, key)
        if before.get(DIGEST) == mark:
            return int(before[ROWS])
        with tempfile.TemporaryDirectory() as folder:
            source = inside(Path(folder) / "input", found.name)
            target = inside(Path(folder) / "output", found.name)
            source.parent.mkdir(parents=True)
            self._s3.download_file(found.bucket, found.key, str(source), Config=_ALONE)
            rows = sum(score_file(scorer, source, target))
            told = {DIGEST: mark, ROWS: str(rows)}
            self._s3.upload_file(
                str(target), bucket, key, ExtraArgs={"Metadata": told}, Config=_ALONE
            )
        return rows

    def _metadata(self, bucket: str, key: str) -> dict[str, str]:
        if self._objects.head(f"s3://{bucket}/{key}") is None:
            return {}
        found: dict[str, str] = self._s3.head_object(Bucket=bucket, Key=key)["Metadata"]
        return found

    def _note(self, done: int, of: int) -> None:
        self._objects.write(self._told, Progress(done=done, of=of).model_dump_json().encode())


def _age() -> float:
    """Return the seconds since this process began: importing what it needs is part of the job."""
    return time.time() - _BEGAN


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # nothing may cut off the tidying up
    raise _Stop


def _overdue(_number: int, _frame: FrameType | None) -> None:
    raise _Overdue


_BEGAN = psutil.Process().create_time()

if __name__ == "__main__":
    main()
