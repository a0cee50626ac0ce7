"""Folders between a bucket and a disk."""

from __future__ import annotations

from pathlib import Path

from blocks.cloud.bucket import Bucket
from blocks.workload.inside import inside


def bring(bucket: Bucket, uri: str, folder: Path) -> None:
    """Copy everything below a URI into a folder."""
    for found in bucket.below(uri):
        file = inside(folder, found.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        bucket.fetch(found, file)
