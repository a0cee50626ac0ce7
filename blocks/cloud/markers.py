"""One object for every thing that was asked for: which of the cloud's things it is.

Where a cloud takes no token and its ids are its own, asking twice makes two. The object is made by
exactly one asker, before it asks; the thing whose id is in it is the thing.
"""

from __future__ import annotations

import uuid

from blocks.cloud.bucket import Swaps
from blocks.contracts import Frozen


class Said(Frozen):
    """What is written of a token."""

    by: str  # another word for every writing: two writers never say the same
    id: str = ""  # of the thing; empty while it is not known
    free: bool = False  # a clear no was the answer: nothing was made, and anybody may ask


class Marker(Frozen):
    """What is written, and the generation of the object that says so."""

    said: Said
    etag: str


class Markers:
    """The markers below one folder of a bucket."""

    def __init__(self, bucket: Swaps, root: str) -> None:
        self._bucket, self._root = bucket, root

    def read(self, token: str) -> Marker | None:
        """Return the marker of a token, or None if nobody ever asked under it."""
        found = self._bucket.read(self._uri(token))
        if found is None:
            return None
        return Marker(said=Said.model_validate_json(found[0]), etag=found[1])

    def claim(self, token: str, *, after: Marker | None) -> Marker | None:
        """Say that we ask, in place of whoever said so before; None if another was faster."""
        return self._swap(token, _said(), after)

    def settle(self, token: str, id_: str, *, claimed: Marker) -> bool:
        """Write down the thing that was made; return whether the claim was ours still."""
        return self._swap(token, _said(id=id_), claimed) is not None

    def withdraw(self, token: str, *, claimed: Marker) -> None:
        """Give a claim back: nothing was made."""
        self._swap(token, _said(free=True), claimed)

    def _swap(self, token: str, said: Said, before: Marker | None) -> Marker | None:
        etag = None if before is None else before.etag
        if not self._bucket.swap(self._uri(token), said.model_dump_json().encode(), etag=etag):
            return None
        found = self.read(token)  # swap tells no etag; whoever was faster meanwhile has taken over
        return found if found is not None and found.said == said else None

    def _uri(self, token: str) -> str:
        return f"{self._root}/{token}.json"


def _said(*, id: str = "", free: bool = False) -> Said:  # noqa: A002 - as the field is called
    return Said(by=uuid.uuid4().hex, id=id, free=free)
