"""Making one job for one token, though Vertex AI would make as many as it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from blocks.contracts import Conflict, ProviderError, Unavailable
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.lookup import VISIBLE_AFTER
from blocks.providers.gcp.markers import Marker, Markers


class Submission:
    """One attempt at one token.

    ``find`` returns the id of a job that carries the token's label, if one shows; ``create`` makes
    one and returns its id; ``drop`` cancels one that is not wanted. What was made shows after the
    seconds of ``visible_after`` at the latest.
    """

    def __init__(
        self,
        token: str,
        markers: Markers,
        *,
        find: Callable[[], str | None],
        create: Callable[[], str],
        drop: Callable[[str], None],
        visible_after: Sequence[float] = VISIBLE_AFTER,
    ) -> None:
        self._token, self._markers = token, markers
        self._find, self._create, self._drop = find, create, drop
        self._visible_after = visible_after

    def job(self) -> str:
        """Return the id of the token's job, made now if nobody made it.

        Raises Unavailable where it is not known whether it was made; asking again finds out.
        """
        marker = self._markers.read(self._token)
        if marker is None:
            claimed = self._markers.claim(self._token)
            if claimed is not None:
                return self._made(claimed)
            marker = self._markers.read(self._token)
        return self._taken_over(marker)

    def _taken_over(self, marker: Marker | None) -> str:
        """Wait for whoever claimed the token; if nothing shows in time, make the job ourselves."""
        for pause in (*self._visible_after, 0.0):
            if marker is not None and marker.job:
                return marker.job
            if marker is not None and (found := self._find()) is not None:
                return self._settled(found, marker, ours=False)
            time.sleep(pause)
            before, marker = marker, self._markers.read(self._token)
            if before is not None and marker is not None and marker.etag != before.etag:
                continue
        claimed = self._markers.claim(self._token, after=marker)
        if claimed is None:
            raise Unavailable("another process submits this job now; look again", code="SUBMITTING")
        return self._made(claimed)

    def _made(self, claimed: Marker) -> str:
        try:
            job = self._create()
        except Exception as error:
            known = error if isinstance(error, ProviderError) else explain(error)
            if not isinstance(known, Unavailable):
                self._markers.withdraw(self._token)  # a clear no: nothing was made
                raise
            found = self._look()
            if found is None:
                raise
            return self._settled(found, claimed, ours=True)
        return self._settled(job, claimed, ours=True)

    def _look(self) -> str | None:
        """Return the job that was made although no answer came, once it shows."""
        for pause in (*self._visible_after, None):
            if (found := self._find()) is not None:
                return found
            if pause is not None:
                time.sleep(pause)
        return None

    def _settled(self, job: str, claimed: Marker, *, ours: bool) -> str:
        """Write the job down; where another's is written already, that one is the job."""
        if self._markers.settle(self._token, job, claimed=claimed) is not None:
            return job
        marker = self._markers.read(self._token)
        if marker is None or not marker.job:
            raise Conflict("another process submits this job now; look again", code="SUBMITTING")
        if ours and marker.job != job:
            self._drop(job)
        return marker.job
