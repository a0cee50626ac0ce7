"""Our own code as a processing job gets it: one zip file that Python runs."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from pathlib import Path

import blocks
import tasks
from blocks.contracts import ObjectStore
from blocks.workload.digests import files

ARCHIVE = "bluewater.zip"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file knows; the same bytes for the same code
_LEFT_OUT = ("blocks/providers/", "blocks/emulation/", "blocks/testing/")  # not for a job
_MAIN = """import runpy
import sys

runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def command(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of ours out of the archive, whatever is installed."""
    return ("python", ARCHIVE, module)


def shipped(store: ObjectStore) -> str:
    """See that the code is in the store; return the URI of its folder, named by the content."""
    content = packed()
    folder = f"{store.root}/code/{hashlib.sha256(content).hexdigest()[:16]}"
    uri = f"{folder}/{ARCHIVE}"
    if not any(each.size == len(content) for each in store.walk(folder)):
        store.write(uri, content)
    return folder


@functools.cache
def packed() -> bytes:
    """Return the archive: the same bytes for the same code."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", _EPOCH), _MAIN)
        for package in (blocks, tasks):
            home = Path(str(package.__file__)).parent
            for name in files(home):
                there = f"{home.name}/{name}"
                if name.endswith(".py") and not there.startswith(_LEFT_OUT):
                    told = zipfile.ZipInfo(there, _EPOCH)
                    told.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(told, (home / name).read_bytes())
    return out.getvalue()
