"""Buckets below /gcs, as Cloud Storage FUSE shows them to a container: here a folder kept in step.

A real mount shows every bucket. This one shows what the container was told of: whatever its
variables and its command name by ``gs://`` or ``/gcs/``. What is written or removed below it goes
to the bucket, in the order in which it was written; what others write later is not seen. All of it
takes the permissions of the service account that the container runs as.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from blocks.emulation.folders import files_below
from blocks.emulation.record import Call
from blocks.providers.gcp.emulator.callers import permit
from blocks.providers.gcp.emulator.launch import CONTAINERS
from blocks.providers.gcp.emulator.objects import place_of
from blocks.providers.gcp.emulator.world import World

_SYNC_EVERY = 0.2  # of the cloud's seconds
_NAMED = re.compile(r"(?:gs://|/gcs/)([^\s\"',;*]+)")

_METHODS = {"get": "get", "list": "list", "create": "insert", "delete": "delete"}

Stamp = tuple[int, int]


class BucketMount:
    """The buckets as one machine sees them, in a folder for each."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self.folder = world, folder
        self._seen: dict[Path, Stamp] = {}
        self._last = -math.inf
        folder.mkdir(parents=True)

    def fill(self, texts: Iterable[str]) -> None:
        """Bring here what the texts name."""
        named = {name for text in texts for name in _NAMED.findall(text)}
        for uri in sorted({found for name in named for found in self._below(name)}):
            bucket, key = place_of(uri)
            self._as_the_job("get")
            content = self._world.objects.read(uri)
            if content is not None and not key.endswith("/"):
                file = self.folder / bucket / key
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        for name in named:
            (self.folder / name.partition("/")[0]).mkdir(exist_ok=True)
        self._seen = dict(self._files())

    def when_due(self) -> None:
        """Look for what changed, if the last look was a while ago."""
        if self._world.clock.now() - self._last >= _SYNC_EVERY:
            self.now()

    def now(self) -> None:
        """Bring to the buckets what was written here, and remove there what was removed."""
        self._last = self._world.clock.now()
        found = dict(self._files())
        changed = [file for file, stamp in found.items() if self._seen.get(file) != stamp]
        for file in sorted(changed, key=lambda file: found[file]):
            with contextlib.suppress(FileNotFoundError):  # drafts come and go
                content = file.read_bytes()
                self._as_the_job("create")
                self._world.objects.write(self._uri(file), content)
                self._seen[file] = found[file]
        for file in [file for file in self._seen if file not in found]:
            self._as_the_job("delete")
            self._world.objects.remove(self._uri(file))
            del self._seen[file]

    def _below(self, name: str) -> Iterator[str]:
        """Yield the object of that name, and those in the folder of that name."""
        wanted = f"gs://{name.rstrip('/')}"
        self._as_the_job("list")
        for uri in self._world.objects.walk(wanted):
            if uri == wanted or uri.startswith(f"{wanted}/"):
                yield uri

    def _as_the_job(self, verb: str) -> None:
        """Keep a record of a call. Raises GcpError if the service account may not make it."""
        action = f"storage.objects.{verb}"
        call = Call(
            call=f"storage:objects.{_METHODS[verb]}",
            action=action,
            key=CONTAINERS,
            at=time.time(),
            status=http.client.OK,
        )
        self._world.record.keep(call, unknown=False)
        permit(self._world, CONTAINERS, action)

    def _uri(self, file: Path) -> str:
        return f"gs://{file.relative_to(self.folder).as_posix()}"

    def _files(self) -> Iterator[tuple[Path, Stamp]]:
        for file in files_below(self.folder):
            with contextlib.suppress(FileNotFoundError):
                status = file.stat()
                if file.is_file():
                    yield file, (status.st_mtime_ns, status.st_size)
