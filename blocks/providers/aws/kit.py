"""The workload kit as machines without bluewater get it: a zip file in S3, named by its content."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from pathlib import Path

import blocks.workload
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.s3 import Objects
from blocks.workload.digests import files

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file knows; the same bytes for the same code


def shipped(account: AwsAccount) -> str:
    """See that the kit is in the account's bucket; return its URI."""
    content = _packed()
    uri = f"{account.root}/kit/{hashlib.sha256(content).hexdigest()[:16]}.zip"
    objects = Objects(account.client("s3", attempts=4))
    if objects.head(uri) is None:
        objects.write(uri, content)
    return uri


@functools.cache
def _packed() -> bytes:
    home = Path(blocks.workload.__file__).parent
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("blocks/__init__.py", _EPOCH), "")
        for name in files(home):
            if name.endswith(".py"):
                told = zipfile.ZipInfo(f"blocks/workload/{name}", _EPOCH)
                archive.writestr(told, (home / name).read_bytes())
    return out.getvalue()
