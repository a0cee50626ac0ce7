"""Levers of work that begins and ends by itself: all that they do is wait."""

from __future__ import annotations

from typing import Any, Protocol

from blocks.contracts import OperationRef, OperationStatus, Phase
from blocks.testing.waiting import until


class Watched(Protocol):
    """What tells how far an operation is: jobs, or endpoints."""

    def status(self, ref: OperationRef, /) -> OperationStatus[Any]:
        """Look once."""
        ...


class ByItself:
    """A part of a bench; what is asked for, counted and broken is the provider's."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def begin(self, ref: OperationRef) -> None:
        """Wait until a machine has it."""
        until(lambda: self._phase(ref) is not Phase.QUEUED)

    def settle(self, ref: OperationRef) -> None:
        """Wait for the end."""
        until(lambda: self._phase(ref).done)

    def succeed(self, ref: OperationRef) -> None:
        """Let it come to its end; nothing is needed for that."""
        self.settle(ref)

    def _phase(self, ref: OperationRef) -> Phase:
        return self._watched.status(ref).phase
