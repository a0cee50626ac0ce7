"""Making one thing for one token, though the cloud would make as many as it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from blocks.cloud.markers import Marker, Markers
from blocks.contracts import ProviderError, Unavailable

VISIBLE_AFTER = (0.2, 0.4, 0.8)  # seconds between looks, until what was made must show


def looks(within: float) -> Iterator[float]:
    """Yield pauses between looks that double, and come to so many seconds together."""
    pause, left = VISIBLE_AFTER[0], within
    while left > 0:
        yield min(pause, left)
        pause, left = 2 * pause, left - pause


class Submission:
    """One attempt at one token.

    ``find`` returns the id of a thing that carries the token, if one shows; ``create`` makes one
    and returns its id; ``drop`` undoes one that is not wanted. ``explain`` tells what an error of
    theirs means. What was made shows after the seconds of ``visible_after`` at the latest.
    """

    def __init__(
        self,
        token: str,
        markers: Markers,
        *,
        find: Callable[[], str | None],
        create: Callable[[], str],
        drop: Callable[[str], None],
        explain: Callable[[Exception], ProviderError | None],
        visible_after: Sequence[float] = VISIBLE_AFTER,
    ) -> None:
        self._token, self._markers = token, markers
        self._find, self._create, self._drop, self._explain = find, create, drop, explain
        self._visible_after = visible_after

    def id(self) -> str:
        """Return the id of the token's thing, made now if nobody made it.

        Raises Unavailable where it is not known whether it was made; asking again finds out.
        """
        marker = self._markers.read(self._token)
        if marker is None or marker.said.free:
            claimed = self._markers.claim(self._token, after=marker)
            if claimed is not None:
                return self._made(claimed)
            marker = self._markers.read(self._token)
        return self._taken_over(marker)

    def _taken_over(self, marker: Marker | None) -> str:
        """Wait for whoever claimed the token; if nothing shows in time, make it ourselves."""
        for pause in (*self._visible_after, 0.0):
            if marker is not None and marker.said.id:
                return marker.said.id
            if marker is not None and (found := self._find()) is not None:
                return self._settled(found, marker)
            time.sleep(pause)
            marker = self._markers.read(self._token)
        claimed = self._markers.claim(self._token, after=marker)
        if claimed is None:
            raise _busy()
        return self._made(claimed)

    def _made(self, claimed: Marker) -> str:
        try:
            made = self._create()
        except Exception as error:
            known = error if isinstance(error, ProviderError) else self._explain(error)
            if not isinstance(known, Unavailable):
                if known is not None:
                    self._markers.withdraw(self._token, claimed=claimed)  # a clear no
                raise
            found = self._look()
            if found is None:
                raise
            made = found
        settled = self._settled(made, claimed)
        if settled != made:
            self._drop(made)
        return settled

    def _look(self) -> str | None:
        """Return what was made although no answer came, once it shows."""
        for pause in (*self._visible_after, None):
            if (found := self._find()) is not None:
                return found
            if pause is not None:
                time.sleep(pause)
        return None

    def _settled(self, id_: str, claimed: Marker) -> str:
        """Write the id down; where another is written already, that one is the thing."""
        if self._markers.settle(self._token, id_, claimed=claimed):
            return id_
        marker = self._markers.read(self._token)
        if marker is None or not marker.said.id:
            raise _busy()
        return marker.said.id


def _busy() -> Unavailable:
    return Unavailable("another process asks for this now; look again", code="SUBMITTING")
