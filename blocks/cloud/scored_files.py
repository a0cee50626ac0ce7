"""One file of a batch request in a bucket: scored whole or not at all, and once by a model."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from blocks.cloud.batch_notes import DIGEST, ROWS
from blocks.cloud.bucket import Bucket, Found
from blocks.contracts import BatchRequest
from blocks.serving.batch import CannotScore, Scorer, score_file
from blocks.workload.inside import inside


def scored(bucket: Bucket, request: BatchRequest, scorer: Scorer, found: Found) -> int:
    """Score one file, unless this model has scored this very input; return its rows."""
    to = f"{request.output_uri.rstrip('/')}/{found.name}"
    mark = hashlib.sha256(f"{scorer.digest} {found.size} {found.etag}".encode()).hexdigest()
    before = bucket.notes(to)
    if before.get(DIGEST) == mark:
        return int(before[ROWS])
    with tempfile.TemporaryDirectory() as folder:
        source = inside(Path(folder) / "input", found.name)
        target = inside(Path(folder) / "output", found.name)
        source.parent.mkdir(parents=True)
        bucket.fetch(found, source)
        rows = sum(score_file(scorer, source, target))
        _send(bucket, target, to, {DIGEST: mark, ROWS: str(rows)})
    return rows


def _send(bucket: Bucket, file: Path, to: str, notes: Mapping[str, str]) -> None:
    try:
        bucket.send(file, to, notes=notes)
    except Exception as error:
        raise CannotScore("UPLOAD", str(error)) from error
