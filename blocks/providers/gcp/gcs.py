"""Objects of Cloud Storage as the other blocks need them: folders, and writes only one can win."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.api_core.exceptions import NotFound, PreconditionFailed

from blocks.cloud.bucket import Found
from blocks.contracts import InvalidRequest

SCHEME = "gs://"

# Else a thread of the library looks every bucket up for its traces: one more permission, and a call
# that nobody asked for.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")

PART = 8 << 20  # bytes read at a time; a request each


class Objects:
    """Objects by URI, through a client of google-cloud-storage.

    Their etag is the generation: another one for every time that an object was written.
    """

    def __init__(self, client: Any, *, kms_key: str = "") -> None:
        self._client, self._kms_key = client, kms_key or None

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the objects below a folder, in the order of their names; those past ``after``."""
        bucket, key = place_of(folder)
        prefix = key.rstrip("/") + "/"
        start = {"start_offset": prefix + after} if after else {}
        for blob in self._client.list_blobs(bucket, prefix=prefix, **start):
            name = blob.name.removeprefix(prefix)
            if name and not name.endswith("/") and name != after:  # consoles make empty objects
                yield _found(blob, f"{SCHEME}{bucket}/{blob.name}", name)

    def head(self, uri: str) -> Found | None:
        """Return one object without its content; None if there is none."""
        blob = self._look(uri)
        return _found(blob, uri, uri.rpartition("/")[2]) if blob is not None else None

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of the very object that was found; fails if it was replaced since."""
        with self._very(found).open("rb", chunk_size=PART) as source:
            while part := source.read(PART):
                yield part

    def copy(self, found: Found, to: str) -> None:
        """Copy within Cloud Storage what was found; fails if it was replaced since."""
        source, target, token = self._very(found), self._blob(to), None
        while True:
            token, _, _ = target.rewrite(source, token=token)
            if token is None:
                return

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return an object's content and etag; None if there is none."""
        blob = self._blob(uri)
        try:
            content: bytes = blob.download_as_bytes()
        except NotFound:
            return None
        return content, str(blob.generation)  # of what was just read: it is told with the content

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, whatever is there."""
        self._blob(uri).upload_from_string(content, content_type="application/octet-stream")

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Write an object if it is still the one with ``etag`` (None = not there); else False."""
        try:
            self._blob(uri).upload_from_string(
                content,
                content_type="application/json",
                if_generation_match=int(etag or 0),
                retry=None,  # repeated after a lost reply, it would lose against itself
            )
        except (PreconditionFailed, NotFound) as error:
            # an object that was deleted meanwhile is not the one with the etag, either
            if isinstance(error, NotFound) and etag is None:
                raise
            return False
        return True

    def fetch(self, found: Found, file: Path) -> None:
        """Copy an object to a file, whose folder is there."""
        self._very(found).download_to_filename(str(file))

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file to an object that carries notes, as its metadata."""
        blob = self._blob(uri)
        blob.metadata = dict(notes)
        blob.upload_from_filename(str(file))

    def notes(self, uri: str) -> Mapping[str, str]:
        """Return the notes on an object; none if it has none, or is not there."""
        blob = self._look(uri)
        return dict(blob.metadata or {}) if blob is not None else {}

    def remove(self, uri: str) -> None:
        """Remove an object. Gone is fine."""
        try:
            self._blob(uri).delete()
        except NotFound:
            return

    def _look(self, uri: str) -> Any:
        """Return a blob with what is known of it; None if there is none."""
        bucket, key = place_of(uri)
        return self._client.bucket(bucket).get_blob(key) if key else None

    def _very(self, found: Found) -> Any:
        """Return the blob of that generation, which is gone once the object was replaced."""
        bucket, key = place_of(found.uri)
        return self._client.bucket(bucket).blob(key, generation=int(found.etag))

    def _blob(self, uri: str) -> Any:
        bucket, key = place_of(uri)
        return self._client.bucket(bucket).blob(key, kms_key_name=self._kms_key)


def place_of(uri: str) -> tuple[str, str]:
    """Return bucket and key. Raises InvalidRequest for what is not in Cloud Storage."""
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise InvalidRequest(f"{uri!r} is not a gs:// URI; upload it first", code="SCHEME")
    return bucket, key


def _found(blob: Any, uri: str, name: str) -> Found:
    return Found(
        uri=uri, name=name, size=blob.size, etag=str(blob.generation), modified=blob.updated
    )
