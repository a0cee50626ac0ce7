"""What every kind of job has in common: it is submitted once, watched, and stopped."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from datetime import datetime
from typing import Generic, TypeVar, final

from blocks.contracts.base import Contract
from blocks.contracts.operation import Frozen, OperationRef, OperationStatus, RunKey

Q = TypeVar("Q", bound=Frozen)  # what is asked for
A = TypeVar("A", bound=Frozen)  # what comes of it


class LogLine(Frozen):
    """One line that the job wrote."""

    at: datetime
    text: str


class Jobs(Contract, Generic[Q, A]):
    """Start, watch and stop jobs of one kind.

    Calls return at once; nothing here waits. Waiting is the task's business.
    """

    @final
    def submit(self, request: Q, *, key: RunKey) -> OperationRef:
        """Start a job, or return the one already started under this key.

        Raises:
            Unsupported: before any network call, if ``features`` rules it out.
            NoCapacity: nothing was started; another zone or provider may do.
        """
        with self._calling("submit"):
            self._require(request)
            return self._submit(request, key.token(request))

    @final
    def status(self, ref: OperationRef) -> OperationStatus[A]:
        """Observe the job once. A job that failed is a status, not an exception.

        Raises NotFound for a job that never existed here.
        """
        with self._calling("status"):
            return self._status(ref)

    @final
    def cancel(self, ref: OperationRef) -> None:
        """Ask the job to stop. Cancelling a finished or unknown job does nothing."""
        with self._calling("cancel"):
            self._cancel(ref)

    @final
    def page(self, ref: OperationRef) -> str:
        """Return the address of the job's page at the provider, for people; empty without one."""
        with self._calling("page"):
            return self._page(ref)

    def _page(self, ref: OperationRef) -> str:
        return ""

    @abc.abstractmethod
    def _require(self, request: Q) -> None: ...
    @abc.abstractmethod
    def _submit(self, request: Q, token: str) -> OperationRef: ...
    @abc.abstractmethod
    def _status(self, ref: OperationRef) -> OperationStatus[A]: ...
    @abc.abstractmethod
    def _cancel(self, ref: OperationRef) -> None: ...


class LoggedJobs(Jobs[Q, A]):
    """Jobs whose output can be read."""

    @final
    def logs(self, ref: OperationRef, *, since: datetime | None = None) -> Iterator[LogLine]:
        """Yield what the job wrote after ``since``, oldest first, up to what is there now."""
        with self._calling("logs"):
            yield from self._logs(ref, since)

    @abc.abstractmethod
    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]: ...
