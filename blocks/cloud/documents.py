"""Small documents in a bucket, each only ever replaced by who has read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import BaseModel

from blocks.cloud.bucket import Swaps

D = TypeVar("D", bound=BaseModel)


class Documents(Generic[D]):
    """The documents of one kind; a document that nobody wrote is the kind's default.

    ``where`` gives the URI of a document by its name.
    """

    def __init__(self, bucket: Swaps, kind: type[D], where: Callable[[str], str]) -> None:
        self._bucket, self._kind, self._where = bucket, kind, where

    def read(self, name: str) -> D | None:
        """Return a document; None if nobody ever wrote it."""
        found = self._bucket.read(self._where(name))
        return self._kind.model_validate_json(found[0]) if found else None

    def change(self, name: str, how: Callable[[D], D]) -> D:
        """Change it by what it is then; ``how`` is called again if that moved.

        What ``how`` returns unchanged is not written.
        """
        uri = self._where(name)
        while True:
            found = self._bucket.read(uri)
            now = self._kind.model_validate_json(found[0]) if found else self._kind()
            after = how(now)
            if after is now:
                return now
            content = after.model_dump_json().encode()
            if self._bucket.swap(uri, content, etag=found[1] if found else None):
                return after
