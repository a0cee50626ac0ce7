"""Blob storage over its own REST: containers, block blobs, ranges, conditions, listings.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api says what is answered.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from email.utils import formatdate
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response

from blocks.providers.azure.emulator.blobs import Blob, Blobs
from blocks.providers.azure.emulator.refusals import AzureError

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_KEPT_HEADERS = ("x-ms-blob-content-type", "x-ms-blob-content-encoding")
_META = "x-ms-meta-"
_PAGE = 5000


class BlobWire:
    """Answers one request to the storage account at a time for each blob."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._answers: Mapping[str, Callable[[Request, str, str], Response]] = {
            "CreateContainer": self._create,
            "GetContainer": self._container,
            "ListBlobs": self._list,
            "PutBlob": self._put,
            "CopyBlob": self._copy,
            "PutBlock": self._stage,
            "PutBlockList": self._commit,
            "SetBlobMetadata": self._describe,
            "GetBlob": self._get,
            "GetBlobProperties": self._get,
            "DeleteBlob": self._delete,
        }

    def place(self, request: Request) -> tuple[str, str]:
        """Return container and name."""
        path = unquote(_raw_path(request)).lstrip("/").removeprefix(f"{self._blobs.account}/")
        container, _, name = path.partition("/")
        return container, name

    def answer(self, operation: str, request: Request) -> Response:
        """Answer an operation. Raises AzureError for what is not emulated."""
        if operation not in self._answers:
            raise AzureError("NotImplemented", f"{operation} is not emulated", 501)
        container, name = self.place(request)
        with self._blobs.lock:
            return self._answers[operation](request, container, name)

    def _create(self, request: Request, container: str, name: str) -> Response:
        if not self._blobs.create(container):
            told = "The specified container already exists."
            raise AzureError("ContainerAlreadyExists", told, 409)
        return Response(status=201, headers=_moment(0.0, '"0x8D0"'))

    def _container(self, request: Request, container: str, name: str) -> Response:
        self._needs(container)
        return Response(status=200, headers=_moment(0.0, '"0x8D0"'))

    def _put(self, request: Request, container: str, name: str) -> Response:
        self._needs(container)
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            raise AzureError("NotImplemented", "only block blobs are emulated", 501)
        self._check(request, self._blobs.find(container, name))
        kept = _kept(request)
        if any(not each.removeprefix(_META).isidentifier() for each in kept if _META in each):
            told = "The metadata specified is invalid. It has characters that are not permitted."
            raise AzureError("InvalidMetadata", told)
        blob = self._blobs.put(container, name, request.get_data(), kept)
        return Response(status=201, headers=_moment(blob.modified, blob.etag))

    def _copy(self, request: Request, container: str, name: str) -> Response:
        source = unquote(urlsplit(request.headers["x-ms-copy-source"]).path).lstrip("/")
        where, _, what = source.removeprefix(f"{self._blobs.account}/").partition("/")
        blob, wanted = self._found(where, what), request.headers.get("x-ms-source-if-match")
        if wanted and wanted != blob.etag:
            told = "The source condition specified using HTTP conditional header(s) is not met."
            raise AzureError("SourceConditionNotMet", told, 412)
        self._needs(container)
        copied = self._blobs.put(container, name, blob.content, blob.headers)
        headers = {"x-ms-copy-id": str(uuid.uuid4()), "x-ms-copy-status": "success"}
        return Response(status=202, headers={**_moment(copied.modified, copied.etag), **headers})

    def _stage(self, request: Request, container: str, name: str) -> Response:
        self._needs(container)
        self._blobs.stage(container, name, request.args["blockid"], request.get_data())
        return Response(status=201)

    def _commit(self, request: Request, container: str, name: str) -> Response:
        self._check(request, self._blobs.find(container, name))
        staged, parts = self._blobs.staged(container, name), []
        for each in ElementTree.fromstring(request.get_data()):  # noqa: S314 - our own client's
            if each.text not in staged:
                raise AzureError("InvalidBlockList", "The specified block list is invalid.", 400)
            parts.append(staged[each.text])
        blob = self._blobs.put(container, name, b"".join(parts), _kept(request))
        return Response(status=201, headers=_moment(blob.modified, blob.etag))

    def _describe(self, request: Request, container: str, name: str) -> Response:
        old = self._found(container, name)
        others = {key: value for key, value in old.headers.items() if not key.startswith(_META)}
        blob = self._blobs.put(container, name, old.content, {**others, **_kept(request)})
        return Response(headers=_moment(blob.modified, blob.etag))

    def _get(self, request: Request, container: str, name: str) -> Response:
        blob = self._found(container, name)
        self._check(request, blob)
        said = request.headers.get("x-ms-range") or request.headers.get("Range") or ""
        content, headers, status = blob.content, _described(blob), 200
        if wanted := _RANGE.fullmatch(said):
            first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
            if first >= len(content):
                told = "The range specified is invalid for the current size of the resource."
                raise AzureError("InvalidRange", told, 416)
            last = min(last, len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            content, status = content[first : last + 1], 206
        answer = Response(content, status=status, headers=headers)
        answer.content_type = headers["Content-Type"]
        return answer

    def _delete(self, request: Request, container: str, name: str) -> Response:
        blob = self._found(container, name)
        self._check(request, blob)
        self._blobs.remove(container, name)
        return Response(status=202)

    def _list(self, request: Request, container: str, name: str) -> Response:
        self._needs(container)
        prefix, marker = request.args.get("prefix", ""), request.args.get("marker", "")
        size = int(request.args.get("maxresults", _PAGE))
        if request.args.get("delimiter"):
            raise AzureError("NotImplemented", "listing by delimiter is not emulated", 501)
        found = [each for each in self._blobs.below(container, prefix) if each[0] >= marker]
        some, rest = found[:size], found[size:]
        items = "".join(_listed(name, blob) for name, blob in some)
        after = f"<NextMarker>{escape(rest[0][0])}</NextMarker>" if rest else "<NextMarker/>"
        body = (
            '<?xml version="1.0" encoding="utf-8"?><EnumerationResults '
            f'ContainerName="{container}"><Blobs>{items}</Blobs>{after}</EnumerationResults>'
        )
        return Response(body, content_type="application/xml")

    def _needs(self, container: str) -> None:
        if not self._blobs.has(container):
            told = "The specified container does not exist."
            raise AzureError("ContainerNotFound", told, 404)

    def _found(self, container: str, name: str) -> Blob:
        self._needs(container)
        blob = self._blobs.find(container, name)
        if blob is None:
            raise AzureError("BlobNotFound", "The specified blob does not exist.", 404)
        return blob

    def _check(self, request: Request, blob: Blob | None) -> None:
        """Raise what a condition that is not met is answered with."""
        match, none = request.headers.get("If-Match"), request.headers.get("If-None-Match")
        if match and (blob is None or match not in (blob.etag, "*")):
            told = "The condition specified using HTTP conditional header(s) is not met."
            raise AzureError("ConditionNotMet", told, 412)
        if none == "*" and blob is not None:
            raise AzureError("BlobAlreadyExists", "The specified blob already exists.", 409)


def operation_of(request: Request) -> str:
    """Return what a request to the storage account asks for, in Azure's own word."""
    kind, comp = request.args.get("restype"), request.args.get("comp")
    of_container = {
        ("PUT", None): "CreateContainer",
        ("GET", None): "GetContainer",
        ("HEAD", None): "GetContainer",
        ("GET", "list"): "ListBlobs",
    }
    of_blob = {
        ("PUT", None): "PutBlob",
        ("PUT", "block"): "PutBlock",
        ("PUT", "blocklist"): "PutBlockList",
        ("PUT", "metadata"): "SetBlobMetadata",
        ("GET", None): "GetBlob",
        ("HEAD", None): "GetBlobProperties",
        ("DELETE", None): "DeleteBlob",
    }
    if request.method == "PUT" and "x-ms-copy-source" in request.headers:
        return "CopyBlob"
    known = of_container if kind == "container" else of_blob
    return known.get((request.method, comp), f"{request.method}-{kind}-{comp}")


def _raw_path(request: Request) -> str:
    """Return the path as it was sent: a question mark in a name is not the query's."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path)
    return raw.partition("?")[0]


def _described(blob: Blob) -> dict[str, str]:
    kind = blob.headers.get("x-ms-blob-content-type", "application/octet-stream")
    return {
        **_moment(blob.modified, blob.etag),
        "Content-Type": kind,
        "Content-Length": str(len(blob.content)),
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-lease-status": "unlocked",
        "x-ms-lease-state": "available",
        "x-ms-server-encrypted": "true",
        **{name: value for name, value in blob.headers.items() if name.startswith(_META)},
    }


def _listed(name: str, blob: Blob) -> str:
    digest = base64.b64encode(hashlib.md5(blob.content, usedforsecurity=False).digest()).decode()
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Last-Modified>{formatdate(blob.modified, usegmt=True)}</Last-Modified>"
        f"<Etag>{blob.etag.strip(chr(34))}</Etag><Content-Length>{len(blob.content)}"
        f"</Content-Length><Content-MD5>{digest}</Content-MD5><BlobType>BlockBlob</BlobType>"
        "</Properties></Blob>"
    )


def _moment(modified: float, etag: str) -> dict[str, str]:
    return {"ETag": etag, "Last-Modified": formatdate(modified, usegmt=True)}


def _kept(request: Request) -> dict[str, str]:
    return {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() in _KEPT_HEADERS or name.lower().startswith(_META)
    }
