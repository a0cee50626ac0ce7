"""The files of a data set in a bucket: each is scored whole or not at all, and once by a model.

A scored file carries in its notes which model made it of which input, so that the next attempt
passes it over.
"""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blocks.cloud.batch_notes import DIGEST, ROWS
from blocks.cloud.bucket import Bucket, Found
from blocks.cloud.job_files import parquet_files
from blocks.contracts import BatchRequest
from blocks.serving.batch import CannotScore, Scorer, load_scorer, score_file
from blocks.serving.data_files import NO_ROWS
from blocks.workload.inside import inside


def scorable(bucket: Bucket, request: BatchRequest) -> list[Found]:
    """Return the files of a request's data set, in name order. Raises CannotScore without any."""
    found = list(parquet_files(bucket, request.data_uri))
    if not found:
        raise CannotScore("DATA", NO_ROWS.format(request.data_uri))
    return found


def mark_of(model: str, *, size: int, etag: str) -> str:
    """Return the note that a model of this digest leaves on what it made of such an object."""
    return hashlib.sha256(f"{model} {size} {etag}".encode()).hexdigest()


def scored(
    bucket: Bucket,
    request: BatchRequest,
    scorer: Scorer,
    found: Found,
    *,
    file: Path | None = None,
) -> int:
    """Score one file, unless this model has scored this very input; return its rows.

    ``file`` is its content where that is at hand, else it is fetched. Raises CannotScore.
    """
    to = f"{request.output_uri.rstrip('/')}/{found.name}"
    mark = mark_of(scorer.digest, size=found.size, etag=found.etag)
    before = bucket.notes(to)
    if before.get(DIGEST) == mark:
        return int(before[ROWS])
    with tempfile.TemporaryDirectory() as folder:
        source = file or _fetched(bucket, found, Path(folder) / "input")
        target = inside(Path(folder) / "output", found.name)
        rows = sum(score_file(scorer, source, target))
        _send(bucket, target, to, {DIGEST: mark, ROWS: str(rows)})
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWork:
    """What is done to each file of a job, in whatever process; pickled where the bucket can be."""

    bucket: Bucket
    request: BatchRequest
    model: Path

    def rows(self, found: Found) -> int:
        """Score one file, unless that is done; return its rows. Raises CannotScore."""
        scorer = _loaded(self.model, self.request.model.digest)
        return scored(self.bucket, self.request, scorer, found)


@functools.cache
def _loaded(model: Path, digest: str) -> Scorer:
    return load_scorer(model, digest)


def _fetched(bucket: Bucket, found: Found, folder: Path) -> Path:
    source = inside(folder, found.name)
    source.parent.mkdir(parents=True)
    bucket.fetch(found, source)
    return source


def _send(bucket: Bucket, file: Path, to: str, notes: Mapping[str, str]) -> None:
    try:
        bucket.send(file, to, notes=notes)
    except Exception as error:
        raise CannotScore("UPLOAD", str(error)) from error
