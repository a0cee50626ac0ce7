"""Which call of Cloud Storage's JSON API a request is."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OBJECT = r"/b/(?P<bucket>[^/]+)/o/(?P<object>[^/?]+)"
_CALLS = (
    ("POST", r"/upload/.*", "objects.insert", "storage.objects.create"),
    ("PUT", r"/(resumable/)?upload/.*", "objects.insert", "storage.objects.create"),
    (
        "POST",
        rf"/storage/v1{_OBJECT}/(rewriteTo|copyTo)/.*",
        "objects.rewrite",
        "storage.objects.create",
    ),
    ("POST", rf"/storage/v1{_OBJECT}/compose", "objects.compose", "storage.objects.create"),
    ("GET", rf"/(download/)?storage/v1{_OBJECT}", "objects.get", "storage.objects.get"),
    ("PATCH", rf"/storage/v1{_OBJECT}", "objects.patch", "storage.objects.update"),
    ("DELETE", rf"/storage/v1{_OBJECT}", "objects.delete", "storage.objects.delete"),
    ("GET", r"/storage/v1/b/[^/]+/o/?", "objects.list", "storage.objects.list"),
    ("GET", r"/storage/v1/b/[^/]+", "buckets.get", "storage.buckets.get"),
    ("GET", r"/storage/v1/b/?", "buckets.list", "storage.buckets.list"),
    ("POST", r"/storage/v1/b/?", "buckets.insert", "storage.buckets.create"),
    ("DELETE", r"/storage/v1/b/[^/]+", "buckets.delete", "storage.buckets.delete"),
)
_COMPILED = tuple((verb, re.compile(path), call, action) for verb, path, call, action in _CALLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCall:
    """A call, and the permission that it takes."""

    call: str
    action: str


def storage_call(method: str, path: str) -> StorageCall | None:
    """Return the call that a method and a path are, or None if they are none that is known."""
    for verb, known, call, action in _COMPILED:
        if verb == method and known.fullmatch(path):
            return StorageCall(call=f"storage:{call}", action=action)
    return None
