"""One thing per token where a cloud takes no token: whoever claims it first may make it.

A claim is a document in a bucket that only one writer wins. While it is young, its thing may be on
the way, and nobody else makes one; once it is old, who looks in vain may make it in its place.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from blocks.cloud.bucket import Bucket
from blocks.cloud.documents import Documents
from blocks.contracts import Frozen, Unavailable

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
PASSING = timedelta(seconds=1)


class Claim(Frozen):
    """Who may make the thing, and what it is called once it is made."""

    by: str = ""
    at: datetime = _NEVER
    made: str = ""


class Claims:
    """The claims below a folder; ``lease`` is how long a thing may take until a list shows it."""

    def __init__(self, bucket: Bucket, folder: str, *, lease: timedelta) -> None:
        self._claims = Documents(bucket, Claim, lambda token: f"{folder}/{token}/claim.json")
        self._lease = lease

    def made(self, token: str) -> str:
        """Return the name of what was made under a token; empty for nothing that is known of."""
        claim = self._claims.read(token)
        return claim.made if claim else ""

    def once(self, token: str, find: Callable[[], str], make: Callable[[], str]) -> str:
        """Return the name of the one thing under a token, which ``make`` makes if there is none.

        ``find`` looks for one that was made; empty for none. ``make`` gives back its claim by
        raising ``Refused`` where it knows that nothing was made; what else it raises leaves that
        open. Raises Unavailable while somebody else may be making it.
        """
        me = uuid.uuid4().hex
        claim = self._claims.change(token, lambda now: self._taken(now, me))
        if claim.made:
            return claim.made
        found = find() if claim.at is not _NEVER else ""
        if not found and claim.by != me:
            raise Unavailable(
                f"somebody else may be making what belongs to {token}; ask again",
                code="CLAIMED",
                retry_after=PASSING,
            )
        return self._note(token, found or self._make(token, me, make))

    def _taken(self, now: Claim, me: str) -> Claim:
        if now.made or datetime.now(UTC) - now.at < self._lease:
            return now
        return Claim(by=me, at=datetime.now(UTC))

    def _make(self, token: str, me: str, make: Callable[[], str]) -> str:
        try:
            return make()
        except Refused as error:
            self._claims.change(token, lambda now: Claim() if now.by == me else now)
            raise error.cause from error

    def _note(self, token: str, name: str) -> str:
        return self._claims.change(
            token, lambda now: now if now.made else now.model_copy(update={"made": name})
        ).made


class Refused(Exception):
    """The cloud said no for certain: nothing was made, and anybody may try again."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause
