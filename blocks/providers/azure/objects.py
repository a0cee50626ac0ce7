"""Blobs as the other Azure blocks need them: folders, and writes that only one can win."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient

from blocks.cloud.bucket import Found
from blocks.contracts import Conflict, InvalidRequest, Unavailable
from blocks.providers.azure.answers import is_missing, meaning_of
from blocks.providers.azure.lookup import READS

SCHEME = "abfss"
_NOTES = "bluewater"  # names of metadata have no dash, and their case may be lost
_COPY_LOOK = 0.5  # seconds; within an account a copy is done at once, most of the time
_URI = re.compile(
    r"abfss://(?P<container>[^@/]+)@(?P<account>[^./]+)[^/]*/?(?P<name>.*)", re.DOTALL
)


class Services(Protocol):
    """Whatever reaches storage accounts: an account block, or the identity of a machine."""

    def blobs(self, *, attempts: int, storage_account: str) -> BlobServiceClient:
        """Return the client of a storage account."""
        ...


class Objects:
    """Blobs by URI, in whatever storage account the URI names."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def below(self, folder: str, *, after: str = "") -> Iterator[Found]:
        """Yield the blobs below a folder, in the order of their names; those past ``after``."""
        home = folder.rstrip("/") + "/"
        container, prefix = self._container(home)
        base = home[: len(home) - len(prefix)]
        for each in container.list_blobs(name_starts_with=prefix):
            name = each.name.removeprefix(prefix)
            if name > after and not name.endswith("/"):  # some tools make empty blobs of folders
                yield Found(
                    uri=base + each.name,
                    name=name,
                    size=each.size,
                    etag=_bare(each.etag),
                    modified=each.last_modified,
                )

    def head(self, uri: str) -> Found | None:
        """Return one blob without its content; None if there is none."""
        try:
            told = self.blob(uri).get_blob_properties()
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise
        return Found(
            uri=uri,
            name=uri.rpartition("/")[2],
            size=told.size,
            etag=_bare(told.etag),
            modified=told.last_modified,
        )

    def read(self, uri: str) -> tuple[bytes, str] | None:
        """Return a blob's content and etag; None if there is none."""
        try:
            reply = self.blob(uri).download_blob()
            return reply.readall(), _bare(reply.properties.etag)
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise

    def parts(self, found: Found) -> Iterator[bytes]:
        """Yield the content of the very blob that was found; fails if it was replaced since."""
        reply = self.blob(found.uri).download_blob(**_if(found.etag))
        yield from reply.chunks()

    def write(self, uri: str, content: bytes) -> None:
        """Write a blob, whatever is there."""
        self.blob(uri).upload_blob(content, overwrite=True)

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        """Write a blob if it is still the one with ``etag`` (None = not there); else False."""
        # Once only: repeated after a lost reply, it would lose against itself.
        once = self.blob(uri, attempts=1)
        try:
            if etag is None:
                once.upload_blob(content, overwrite=False)
            else:
                once.upload_blob(content, overwrite=True, **_if(etag))
        except HttpResponseError as error:
            # a blob that was removed meanwhile is not the one with the etag, either
            if meaning_of(error) is Conflict or (etag is not None and is_missing(error)):
                return False
            raise
        return True

    def copy(self, found: Found, to: str) -> None:
        """Copy within the storage account what was found; fails if it was replaced since."""
        source, target = self.blob(found.uri), self.blob(to)
        told = target.start_copy_from_url(
            source.url,
            source_etag=f'"{found.etag}"',
            source_match_condition=MatchConditions.IfNotModified,
        )
        while told["copy_status"] == "pending":
            time.sleep(_COPY_LOOK)
            copied = target.get_blob_properties().copy
            told = {"copy_status": copied.status}
        if told["copy_status"] != "success":
            raise Unavailable(f"{found.uri} was not copied to {to}", code=told["copy_status"])

    def fetch(self, found: Found, file: Path) -> None:
        """Copy a blob to a file, whose folder is there."""
        with file.open("wb") as target:
            self.blob(found.uri).download_blob(**_if(found.etag)).readinto(target)

    def send(self, file: Path, uri: str, *, notes: Mapping[str, str]) -> None:
        """Copy a file to a blob that carries notes, as its metadata."""
        told = {_NOTES: json.dumps(dict(notes))}
        with file.open("rb") as source:  # in blocks where it is large
            self.blob(uri).upload_blob(source, overwrite=True, metadata=told)

    def notes(self, uri: str) -> Mapping[str, str]:
        """Return the notes on a blob; none if it has none, or is not there."""
        try:
            told = self.blob(uri).get_blob_properties().metadata
        except HttpResponseError as error:
            if is_missing(error):
                return {}
            raise
        found: Mapping[str, str] = json.loads((told or {}).get(_NOTES, "{}"))
        return found

    def remove(self, uri: str) -> None:
        """Remove a blob. Gone is fine."""
        try:
            self.blob(uri).delete_blob()
        except HttpResponseError as error:
            if not is_missing(error):
                raise

    def blob(self, uri: str, *, attempts: int = READS) -> BlobClient:
        """Return the SDK's client of one blob."""
        container, name = self._container(uri, attempts=attempts)
        if not name:
            raise InvalidRequest(f"{uri!r} names no object", code="NAME")
        return container.get_blob_client(name)

    def _container(self, uri: str, *, attempts: int = READS) -> tuple[ContainerClient, str]:
        found = _parts(uri)
        service = self._services.blobs(attempts=attempts, storage_account=found["account"])
        return service.get_container_client(found["container"]), found["name"]


def account_of(uri: str) -> str:
    """Return the storage account of a URI. Raises InvalidRequest."""
    return _parts(uri)["account"]


def place_of(uri: str) -> str:
    """Return container and name, as file systems write them. Raises InvalidRequest."""
    found = _parts(uri)
    return f"{found['container']}/{found['name']}"


def _parts(uri: str) -> re.Match[str]:
    found = _URI.fullmatch(uri)
    if found is None:
        raise InvalidRequest(f"{uri!r} is not an abfss:// URI; upload it first", code="SCHEME")
    return found


def _if(etag: str) -> dict[str, Any]:
    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}


def _bare(etag: str) -> str:
    return etag.strip('"')
