"""What was seen and asked, one small object each, written once and never changed.

Two watchers that race for the same request write the same name: one of them is told, reads again,
and finds the request in flight. A request is written down before it is told to anybody; who dies in
between leaves it untold, and the next look tells it, under the same id. What was told may be lost
on the way: it is told again until a release has taken the request up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from blocks.contracts import Conflict, Frozen, ObjectStore
from tasks.memory import recall
from tasks.watch.policy import Asked, Decision, RetrainRequest, Seen, decide
from tasks.watch.spec import WatchSpec

TRIES = 10
GRACE = timedelta(minutes=1)  # a request untold for longer was left by somebody who died
AGAIN = timedelta(hours=1)  # a request told that long ago, and not taken up, was not heard


class NotAsked(Exception):
    """Nobody has asked for this retrain."""


class Closed(Frozen):
    """A request was answered."""

    how: str
    at: datetime


class Told(Frozen):
    """A request was told to whoever listens."""

    at: datetime


class Taken(Frozen):
    """A release was begun for a request."""

    run: str
    at: datetime


class WatchLedger:
    """The records of one endpoint below the store's root."""

    def __init__(self, store: ObjectStore, endpoint: str) -> None:
        self._store = store
        self._place = f"{store.root}/watch/{endpoint}"

    def note(self, seen: Seen) -> bool:
        """Write down what was seen; False if it was written down already."""
        content = seen.model_dump_json().encode()
        start = seen.window.start.astimezone(UTC)
        name = f"{start:%Y%m%dT%H%M%SZ}-{hashlib.sha256(content).hexdigest()[:12]}"
        return self._once(f"seen/{name}.json", content)

    def ask(
        self,
        spec: WatchSpec,
        *,
        model: str,
        now: datetime,
        tell: Callable[[RetrainRequest], None],
        because: Sequence[str] = (),
        again: timedelta = AGAIN,
    ) -> Decision:
        """Decide, and if it is time, ask: write the request down, then ``tell`` it.

        Requests that nobody has taken up are told first, ``again`` after they were told before.
        ``tell`` may be called twice with one id.
        """
        self._tell_unheard(spec, now, tell, again)
        for _ in range(TRIES):
            asked, seen = self.asked(), self.seen(spec)
            decision = decide(seen, asked, spec, model=model, now=now, because=because)
            if decision.request is None:
                return decision
            content = decision.request.model_dump_json().encode()
            if self._once(f"requests/{len(asked):06d}-asked.json", content):
                self._tell(len(asked), decision.request, now, tell)
                return decision
        return Decision(why_not="other watchers were faster each time; the next look decides")

    def take(self, request_id: str, *, run: str, now: datetime) -> None:
        """Write down that a release was begun for a request. Raises NotAsked if there is none."""
        for number, each in enumerate(self.asked()):
            if each.request.id == request_id:
                content = Taken(run=run, at=now).model_dump_json().encode()
                self._once(f"requests/{number:06d}-taken.json", content)
                return
        raise NotAsked(f"no request {request_id!r} is in {self._place}; release without one")

    def close(self, request_id: str, *, how: str, now: datetime) -> None:
        """Write down that a request was answered. Closing it twice, or an unknown one, is fine."""
        for number, each in enumerate(self.asked()):
            if each.request.id == request_id:
                content = Closed(how=how, at=now).model_dump_json().encode()
                self._once(f"requests/{number:06d}-closed.json", content)

    def asked(self) -> Sequence[Asked]:
        """Return every request, oldest first."""
        names = {each.uri for each in self._store.walk(f"{self._place}/requests")}
        found = []
        for uri in sorted(name for name in names if name.endswith("-asked.json")):
            request = recall(self._store, uri, RetrainRequest)
            if request is not None:
                closed = uri.replace("-asked.json", "-closed.json") in names
                found.append(Asked(request=request, closed=closed))
        return found

    def seen(self, spec: WatchSpec) -> Sequence[Seen]:
        """Return what was seen in the newest windows, as many as the policy looks back on."""
        uris = sorted(each.uri for each in self._store.walk(f"{self._place}/seen"))
        starts = sorted({uri.rpartition("/")[2].partition("-")[0] for uri in uris})[-spec.of :]
        newest = [uri for uri in uris if uri.rpartition("/")[2].partition("-")[0] in starts]
        return [each for uri in newest if (each := recall(self._store, uri, Seen)) is not None]

    def _tell_unheard(
        self,
        spec: WatchSpec,
        now: datetime,
        tell: Callable[[RetrainRequest], None],
        again: timedelta,
    ) -> None:
        names = {each.uri for each in self._store.walk(f"{self._place}/requests")}
        for number, each in enumerate(self.asked()):
            place = f"{self._place}/requests/{number:06d}"
            if (
                each.closed
                or f"{place}-taken.json" in names
                or now >= each.request.at + spec.in_flight
            ):
                continue
            told = [
                recall(self._store, uri, Told) for uri in names if uri.startswith(f"{place}-told")
            ]
            times = [one.at for one in told if one is not None]
            if now >= (max(times) + again if times else each.request.at + GRACE):
                request = each.request.model_copy(update={"told": len(times)})
                self._tell(number, request, now, tell)

    def _tell(
        self,
        number: int,
        request: RetrainRequest,
        now: datetime,
        tell: Callable[[RetrainRequest], None],
    ) -> None:
        tell(request)
        name = f"requests/{number:06d}-told-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.json"
        self._once(name, Told(at=now).model_dump_json().encode())

    def _once(self, name: str, content: bytes) -> bool:
        try:
            self._store.write(f"{self._place}/{name}", content, only_if_absent=True)
        except Conflict:
            return False
        return True
