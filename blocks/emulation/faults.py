"""Faults by name, each of which strikes so many times and where it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from blocks.contracts import Frozen

CUT = {
    "lost-reply": "the connection is cut after the work was done",
    "lost-request": "the connection is cut before anything was done",
    "held-reply": "the reply comes only when all faults are called off",
}
"""What can happen to any call of any cloud."""


class Fault(Frozen):
    """One fault to come. ``call`` and ``subject`` are glob patterns.

    ``call`` is ``<service>:<Operation>``; ``subject`` is the name of the thing that is asked for,
    where the fault is one of a thing.
    """

    name: str
    call: str = "*"
    subject: str = "*"
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A fault that is told by an error, before or after the work was done."""

    error: Callable[[], Exception]  # as the cloud's own wire tells it
    after: bool = False


class Dropped(Exception):
    """The connection is to be cut without an answer."""


class UnknownFault(LookupError):
    """There is no fault of that name."""


class Faults:
    """The faults still to come, in the order in which they were asked for.

    ``refusals`` are told by an error of the call; of ``behaviours`` the cloud's own modules ask
    whether one strikes (``take``).
    """

    def __init__(self, refusals: Mapping[str, Refusal], behaviours: Mapping[str, str]) -> None:
        self._refusals = refusals
        self._known = sorted({*refusals, *behaviours, *CUT})
        self._lock = threading.Lock()
        self._coming: list[Fault] = []
        self._calm = threading.Event()

    def add(self, fault: Fault) -> None:
        """Let a fault come. Raises UnknownFault, naming those that there are."""
        if fault.name not in self._known:
            raise UnknownFault(f"no fault {fault.name!r}; known: {', '.join(self._known)}")
        with self._lock:
            self._coming.append(fault)
            self._calm.clear()

    def coming(self) -> list[Fault]:
        """Return what has not struck yet."""
        with self._lock:
            return list(self._coming)

    def clear(self) -> None:
        """Call off all that has not struck yet, and let go of the replies that are held."""
        with self._lock:
            self._coming.clear()
            self._calm.set()

    def take(self, name: str, call: str = "*", subject: str = "*") -> bool:
        """Whether a fault of that name strikes now; one of its times is used up."""
        with self._lock:
            for number, fault in enumerate(self._coming):
                if fault.name == name and _meets(fault, call, subject):
                    self._use(number)
                    return True
        return False

    def before(self, call: str) -> None:
        """Raise what strikes a call before its work."""
        if self.take("lost-request", call):
            raise Dropped
        self._refuse(call, after=False)

    def after(self, call: str) -> None:
        """Raise what strikes a call after its work; hold the reply where that is wanted."""
        if self.take("held-reply", call):
            self._calm.wait()
        if self.take("lost-reply", call):
            raise Dropped
        self._refuse(call, after=True)

    def _refuse(self, call: str, *, after: bool) -> None:
        for name, refusal in self._refusals.items():
            if refusal.after is after and self.take(name, call):
                raise refusal.error()

    def _use(self, number: int) -> None:
        fault = self._coming[number]
        if fault.times > 1:
            self._coming[number] = fault.model_copy(update={"times": fault.times - 1})
        else:
            del self._coming[number]


def _meets(fault: Fault, call: str, subject: str) -> bool:
    return fnmatchcase(call, fault.call) and (subject == "*" or fnmatchcase(subject, fault.subject))
