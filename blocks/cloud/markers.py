"""One object for every thing that was asked for: which of the cloud's things it is.

Where a cloud takes no token and its ids are its own, asking twice makes two. The object is made by
exactly one asker, before it asks; the thing whose id is in it is the thing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from blocks.cloud.bucket import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What is written of a token, and the generation of the object that says so."""

    id: str  # of the thing; empty while it is not known
    etag: str


class Markers:
    """The markers below one folder of a bucket."""

    def __init__(self, bucket: Bucket, root: str) -> None:
        self._bucket, self._root = bucket, root

    def read(self, token: str) -> Marker | None:
        """Return the marker of a token, or None if nobody ever asked under it."""
        found = self._bucket.read(self._uri(token))
        return None if found is None else Marker(id=json.loads(found[0])["id"], etag=found[1])

    def claim(self, token: str, *, after: Marker | None = None) -> Marker | None:
        """Say that we ask, in place of whoever said so before; None if another was faster."""
        return self._swap(token, "", after)

    def settle(self, token: str, id_: str, *, claimed: Marker) -> Marker | None:
        """Write down the thing that was made; None if the claim is another's by now."""
        return self._swap(token, id_, claimed)

    def withdraw(self, token: str) -> None:
        """Forget a claim: nothing was made."""
        self._bucket.remove(self._uri(token))

    def _swap(self, token: str, id_: str, before: Marker | None) -> Marker | None:
        content = json.dumps({"id": id_}).encode()
        etag = None if before is None else before.etag
        if not self._bucket.swap(self._uri(token), content, etag=etag):
            return None
        return self.read(token)

    def _uri(self, token: str) -> str:
        return f"{self._root}/{token}.json"
