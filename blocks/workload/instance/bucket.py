"""S3 as a machine uses it: folders in, folders out, small files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from blocks.workload.digests import files
from blocks.workload.inside import inside
from blocks.workload.manifest import NAME

_DRAFTS = (".saving-", ".replaced-")  # of checkpoints that are being written


class Bucket:
    """Objects by URI, through boto3's client."""

    def __init__(self, s3: Any, *, kms_key: str = "") -> None:
        self._s3 = s3
        self._sealed: dict[str, str] = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        )

    def read(self, uri: str) -> bytes | None:
        """Return an object's bytes, or None if it is not there."""
        bucket, key = _split(uri)
        try:
            content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        return content

    def write(self, uri: str, value: Mapping[str, object]) -> None:
        """Write a small JSON file."""
        bucket, key = _split(uri)
        body = json.dumps(value).encode()
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, **self._sealed)

    def download(self, uri: str, folder: Path) -> list[str]:
        """Copy everything below a URI into a folder; return the names below it."""
        bucket, prefix = _split(f"{uri.rstrip('/')}/")
        names = list(self._names(bucket, prefix))
        for name in names:
            self.fetch(f"s3://{bucket}/{prefix}{name}", inside(folder, name))
        return names

    def fetch(self, uri: str, file: Path) -> None:
        """Copy one object to a file."""
        bucket, key = _split(uri)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._s3.download_file(bucket, key, str(file))

    def send(self, file: Path, uri: str) -> None:
        """Copy one file to an object."""
        bucket, key = _split(uri)
        self._s3.upload_file(str(file), bucket, key, ExtraArgs=self._sealed)

    def upload(self, folder: Path, uri: str, *, last: str) -> None:
        """Copy every file of a folder; the one named ``last`` goes last."""
        for name in sorted(files(folder), key=lambda name: (name == last, name)):
            self.send(folder / name, f"{uri.rstrip('/')}/{name}")

    def remove(self, uris: Sequence[str]) -> None:
        """Remove objects. Gone is fine."""
        for uri in uris:
            bucket, key = _split(uri)
            self._s3.delete_object(Bucket=bucket, Key=key)

    def _names(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for each in page.get("Contents", ()):
                name = str(each["Key"]).removeprefix(prefix)
                if name and not name.endswith("/"):
                    yield name


class Synced:
    """A folder whose copy in S3 follows it: what is new goes there, what is removed goes too."""

    def __init__(self, bucket: Bucket, folder: Path, uri: str) -> None:
        self._bucket, self._folder, self._uri = bucket, folder, uri.rstrip("/")
        self._known: dict[str, tuple[int, int]] = {}

    def restore(self) -> None:
        """Bring back what earlier machines left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in self._bucket.download(self._uri, self._folder):
            self._known[name] = _stamp(self._folder / name)

    def now(self) -> None:
        """Carry over what has changed; of each folder the manifest last, so that none is torn."""
        here = [name for name in files(self._folder) if not name.startswith(_DRAFTS)]
        for name in sorted(here, key=lambda name: (name.endswith(NAME), name)):
            try:
                stamp = _stamp(self._folder / name)
                if self._known.get(name) != stamp:
                    self._bucket.send(self._folder / name, f"{self._uri}/{name}")
                    self._known[name] = stamp
            except FileNotFoundError:
                pass  # an old checkpoint makes way for a new one meanwhile
        gone = [name for name in self._known if not (self._folder / name).exists()]
        # A manifest goes first: without it what is left is no checkpoint any more.
        gone.sort(key=lambda name: (not name.endswith(NAME), name))
        self._bucket.remove([f"{self._uri}/{name}" for name in gone])
        for name in gone:
            del self._known[name]


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
