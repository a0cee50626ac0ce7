"""Faults by name, each of which strikes so many times and where it is told to."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

from blocks.contracts import Frozen
from blocks.providers.aws.emulator.refusals import AwsError, Dropped


class Fault(Frozen):
    """One fault to come. ``call`` and ``subject`` are glob patterns.

    ``call`` is ``<service>:<Operation>`` as in an IAM policy; ``subject`` is the name of the
    thing that is asked for, where the fault is one of a thing.
    """

    name: str
    call: str = "*"
    subject: str = "*"
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A fault that is told by an error, before or after the work was done."""

    code: str
    message: str
    status: int = 400
    after: bool = False


REFUSALS = {
    "throttling": Refusal(code="ThrottlingException", message="Rate exceeded"),
    "resource-limit": Refusal(
        code="ResourceLimitExceeded",
        message="The account-level service limit is 0 Instances, with current utilization of 0 "
        "Instances and a request delta of 1 Instances. Please contact AWS support to request an "
        "increase for this limit.",
    ),
    "unavailable": Refusal(code="ServiceUnavailable", message="Service unavailable", status=503),
    "internal-error-after": Refusal(
        code="InternalFailure", message="We encountered an internal error.", status=500, after=True
    ),
    "expired-token": Refusal(
        code="ExpiredTokenException",
        message="The security token included in the request is expired",
        status=403,
    ),
    "access-denied": Refusal(
        code="AccessDeniedException",
        message="User is not authorized to perform this action because no identity-based policy "
        "allows it",
    ),
}

# Told by no error of the call: the call is cut off, or what it started behaves so.
BEHAVIOURS = {
    "lost-reply": "the connection is cut after the work was done",
    "lost-request": "the connection is cut before anything was done",
    "held-reply": "the reply comes only when all faults are called off",
    "stale-read": "a describe does not find, or a list does not name, what was just created",
    "capacity-error": "a job never gets its machine",
    "no-capacity": "EC2 has no such machine in that zone (subject: machine@zone)",
    "spot-price": "EC2's spot price is above what was offered (subject: machine@zone)",
    "spot-count": "the account has as many spot machines as it may (subject: machine@zone)",
    "vcpu-limit": "the account's limit of processors is reached (subject: machine@zone)",
    "stuck-creating": "an endpoint stays in Creating until time is moved on",
    "failed-health-check": "the container of an endpoint never answers the ping",
}


class UnknownFault(LookupError):
    """There is no fault of that name."""


class Faults:
    """The faults still to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[Fault] = []
        self._calm = threading.Event()

    def add(self, fault: Fault) -> None:
        """Let a fault come. Raises UnknownFault, naming those that there are."""
        if fault.name not in REFUSALS and fault.name not in BEHAVIOURS:
            known = ", ".join(sorted({*REFUSALS, *BEHAVIOURS}))
            raise UnknownFault(f"no fault {fault.name!r}; known: {known}")
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
        for name, refusal in REFUSALS.items():
            if refusal.after is after and self.take(name, call):
                raise AwsError(refusal.code, refusal.message, refusal.status)

    def _use(self, number: int) -> None:
        fault = self._coming[number]
        if fault.times > 1:
            self._coming[number] = fault.model_copy(update={"times": fault.times - 1})
        else:
            del self._coming[number]


def _meets(fault: Fault, call: str, subject: str) -> bool:
    return fnmatchcase(call, fault.call) and (subject == "*" or fnmatchcase(subject, fault.subject))
