"""Which version an alias means: a log in a bucket whose next entry only one writer can win.

A cloud's own aliases, where it has any, go to whoever writes last. So every move of an alias is an
object of its own, numbered, and written only if that number is still free.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from blocks.cloud.bucket import Bucket
from blocks.contracts import Conflict, InvalidRequest, Promotion

ALIAS = re.compile(r"(?!latest$|v\d+$)[A-Za-z_][A-Za-z0-9_-]{0,99}", re.IGNORECASE)  # as elsewhere


class AliasLog:
    """The moves of the aliases of one model, below ``folder``."""

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket, self._folder = bucket, folder

    def moves(self, alias: str) -> Sequence[Promotion]:
        """Return every move, oldest first."""
        if not ALIAS.fullmatch(alias):
            return []
        folder = self._of(alias)
        found = [self._bucket.read(f"{folder}/{each.name}") for each in self._bucket.below(folder)]
        return [Promotion.model_validate_json(each[0]) for each in found if each is not None]

    def now(self, alias: str) -> Promotion | None:
        """Return the newest move; None if the alias was never set."""
        if not ALIAS.fullmatch(alias):
            return None
        names = [each.name for each in self._bucket.below(self._of(alias))]
        found = self._bucket.read(f"{self._of(alias)}/{names[-1]}") if names else None
        return Promotion.model_validate_json(found[0]) if found else None

    def move(
        self,
        model: str,
        alias: str,
        to: str,
        *,
        replacing: str | None,
        by: str,
        there: Callable[[str], bool],
        show: Callable[[Promotion], None],
    ) -> None:
        """Append a move, unless the alias is there already. Raises Conflict, naming the winner.

        ``there`` tells whether a version is still registered: an alias of one that was removed
        points nowhere for those who ask, and may be moved from there.

        ``show`` repeats in the cloud's own registry what the alias means, for people; it is called
        again if somebody moved the alias meanwhile, or who is slow would show what was true before.
        """
        require_alias(alias)
        at = datetime.now(UTC)
        wanted = Promotion(alias=alias, version=to, replaced=replacing, at=at, by=by)
        shown = self._moved(model, wanted, there)
        while True:
            show(shown)
            now = self.now(alias)
            if now is None or now == shown:
                return
            shown = now

    def _moved(self, model: str, wanted: Promotion, there: Callable[[str], bool]) -> Promotion:
        alias, replacing = wanted.alias, wanted.replaced
        while True:
            moves = list(self._bucket.below(self._of(alias)))
            now = self.now(alias)
            before = now.version if now else None
            if now is not None and before == wanted.version:
                return now
            is_gone = before is not None and replacing is None and not there(before)
            if before != replacing and not is_gone:
                raise _overtaken(model, alias, now, replacing)
            move = wanted.model_copy(update={"replaced": before})
            uri = f"{self._of(alias)}/{len(moves) + 1:08d}.json"
            if self._bucket.swap(uri, move.model_dump_json().encode(), etag=None):
                return move

    def _of(self, alias: str) -> str:
        return f"{self._folder}/{quote(alias, safe='')}"


def require_alias(alias: str) -> None:
    """Raise InvalidRequest for a name that another registry would not take."""
    if not ALIAS.fullmatch(alias):
        raise InvalidRequest(
            f"{alias!r} cannot be an alias; use letters, digits, dashes, and not 'latest' or 'v1'",
            code="NAME",
        )


def _overtaken(model: str, alias: str, now: Promotion | None, replacing: str | None) -> Conflict:
    where = f"points at version {now.version}" if now else "points nowhere"
    who = f", set by {now.by} at {now.at:%Y-%m-%d %H:%M:%S} UTC" if now else ""
    return Conflict(
        f"alias {alias!r} of {model!r} {where}{who}, and not at {replacing or 'none'}; "
        "look at what it is now, and decide again",
        code="ALIAS_MOVED",
    )
