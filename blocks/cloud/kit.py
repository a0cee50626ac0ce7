"""The workload kit as a bare machine gets it: one zip file in a bucket, named by its content."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from pathlib import Path

import blocks.workload
from blocks.cloud.bucket import Bucket
from blocks.workload.digests import files

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file knows; the same bytes for the same code


def shipped(bucket: Bucket, root: str) -> str:
    """See that the kit is in a bucket, below ``root``; return its URI."""
    content = packed()
    uri = f"{root}/kit/{hashlib.sha256(content).hexdigest()[:16]}.zip"
    if bucket.head(uri) is None:
        bucket.write(uri, content)
    return uri


@functools.cache
def packed() -> bytes:
    """Return the kit: the same bytes for the same code."""
    home = Path(blocks.workload.__file__).parent
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("blocks/__init__.py", _EPOCH), "")
        for name in files(home):
            if name.endswith(".py"):
                told = zipfile.ZipInfo(f"blocks/workload/{name}", _EPOCH)
                archive.writestr(told, (home / name).read_bytes())
    return out.getvalue()
