"""The calls that an emulated cloud was asked, and those that it could not answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.contracts import Frozen

_KEPT_CALLS = 100_000


class Call(Frozen):
    """One call that was made."""

    call: str  # <service>:<Operation>
    action: str  # that a policy has to allow for it
    key: str  # of who called
    at: float
    status: int
    request: Mapping[str, Any] = {}
    resource: str = ""  # the path, where the protocol puts the resource there


@dataclass(slots=True)
class Record:
    """The calls that were made, and those that nobody here could answer."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=_KEPT_CALLS))
    unknown: list[Call] = field(default_factory=list)

    def keep(self, call: Call, *, unknown: bool) -> None:
        """Keep a call."""
        self.calls.append(call)
        if unknown:
            self.unknown.append(call)
