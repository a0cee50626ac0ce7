"""One object for every job that was asked for: which job of Vertex AI it is.

Vertex AI takes no token and its ids are its own, so that asking twice makes two jobs. The object
is made by exactly one submitter, before it asks; the job whose name is in it is the job.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.gcs import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What is written of a token, and the generation of the object that says so."""

    job: str  # id of the job; empty while it is not known
    etag: str


class Markers:
    """The markers of one account."""

    def __init__(self, account: GcpAccount) -> None:
        self._root = f"{account.root}/submitted"
        self._objects = Objects(account.storage, kms_key=account.kms_key)

    def read(self, token: str) -> Marker | None:
        """Return the marker of a token, or None if nobody ever asked under it."""
        found = self._objects.read(self._uri(token))
        return None if found is None else Marker(job=json.loads(found[0])["job"], etag=found[1])

    def claim(self, token: str, *, after: Marker | None = None) -> Marker | None:
        """Say that we ask, in place of whoever said so before; None if another was faster."""
        return self._swap(token, "", after)

    def settle(self, token: str, job: str, *, claimed: Marker) -> Marker | None:
        """Write down the job that was made; None if the claim is another's by now."""
        return self._swap(token, job, claimed)

    def withdraw(self, token: str) -> None:
        """Forget a claim: nothing was made."""
        self._objects.remove(self._uri(token))

    def _swap(self, token: str, job: str, before: Marker | None) -> Marker | None:
        content = json.dumps({"job": job}).encode()
        etag = None if before is None else before.etag
        if not self._objects.swap(self._uri(token), content, etag=etag):
            return None
        return self.read(token)

    def _uri(self, token: str) -> str:
        return f"{self._root}/{token}.json"
