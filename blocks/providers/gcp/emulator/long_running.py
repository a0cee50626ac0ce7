"""Long-running operations: begun, looked at, waited for, cancelled; one store for all services."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import grpc
import proto
from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.pages import part
from blocks.providers.gcp.emulator.refusals import GcpError, not_found
from blocks.providers.gcp.emulator.routes import Answer, Headed

log = logging.getLogger(__name__)

Operation: TypeAlias = operations_pb2.Operation
_WAIT_AT_MOST = 60.0  # seconds that WaitOperation holds a caller


class LongRunning:
    """The operations of a project. Safe to use from many threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now`` tells the time by the cloud's clock."""
        self._now = now
        self._changed = threading.Condition()
        self._all: dict[str, Operation] = {}
        self._told: dict[str, tuple[Answer | None, datetime]] = {}  # metadata, and when it began
        self._cancelled: dict[str, threading.Event] = {}
        self._numbers = itertools.count(1_000_000_001)

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers the methods of google.longrunning.Operations."""
        return {
            "Operations.GetOperation": lambda asked: self.get(asked.name),
            "Operations.WaitOperation": self._wait,
            "Operations.CancelOperation": self._cancel,
            "Operations.DeleteOperation": self._delete,
            "Operations.ListOperations": self._list,
        }

    def done(self, under: str, response: Answer, metadata: Answer | None = None) -> Operation:
        """Return an operation that was over as soon as it began."""
        name = self.begin(under, metadata).name
        self.finish(name, response)
        return self.get(name)

    def run(
        self,
        under: str,
        work: Callable[[threading.Event], Answer],
        metadata: Answer | None = None,
    ) -> Operation:
        """Begin an operation whose work is done in a thread of its own, without a lock held.

        ``work`` gets an event that is set when somebody cancels the operation.
        """
        begun = self.begin(under, metadata)
        cancelled = self._cancelled[begun.name]
        thread = threading.Thread(
            target=self._work, args=(begun.name, work, cancelled), name=begun.name, daemon=True
        )
        thread.start()
        return begun

    def begin(self, under: str, metadata: Answer | None = None) -> Operation:
        """Begin an operation below a resource's name; return it as it is now."""
        with self._changed:
            name = f"{under}/operations/{next(self._numbers)}"
            operation = Operation(name=name)
            self._told[name] = (metadata, begun := at(self._now()))
            _tell(operation, metadata, begun, begun)
            self._all[name] = operation
            self._cancelled[name] = threading.Event()
            return _copy(operation)

    def finish(self, name: str, response: Answer) -> None:
        """Let an operation end well."""
        with self._changed:
            operation = self._all[name]
            if not operation.done:
                operation.response.Pack(_plain(response))
                self._end(operation)
            self._changed.notify_all()

    def fail(self, name: str, error: GcpError) -> None:
        """Let an operation end with an error."""
        with self._changed:
            operation = self._all[name]
            if not operation.done:
                operation.error.CopyFrom(error.status())
                self._end(operation)
            self._changed.notify_all()

    def get(self, name: str) -> Operation:
        """Return an operation as it is now. Raises GcpError for an unknown name."""
        with self._changed:
            if name not in self._all:
                raise not_found(name)
            return _copy(self._all[name])

    def _end(self, operation: Operation) -> None:
        metadata, begun = self._told[operation.name]
        _tell(operation, metadata, begun, at(self._now()))
        operation.done = True

    def _work(
        self, name: str, work: Callable[[threading.Event], Answer], cancelled: threading.Event
    ) -> None:
        try:
            self.finish(name, work(cancelled))
        except GcpError as error:
            self.fail(name, error)
        except Exception:
            log.exception("%s", name)
            self.fail(name, GcpError(grpc.StatusCode.INTERNAL, "Internal error encountered."))

    def _wait(self, asked: Any) -> Operation:
        given = asked.timeout.ToTimedelta().total_seconds() if asked.HasField("timeout") else 0
        with self._changed:
            self._changed.wait_for(
                lambda: self.get(asked.name).done, timeout=given or _WAIT_AT_MOST
            )
        return self.get(asked.name)

    def _cancel(self, asked: Any) -> Empty:
        if not self.get(asked.name).done:
            self._cancelled[asked.name].set()
        return Empty()

    def _delete(self, asked: Any) -> Empty:
        with self._changed:
            if self._all.pop(asked.name, None) is None:
                raise not_found(asked.name)
        return Empty()

    def _list(self, asked: Any) -> Message:
        with self._changed:
            meets = matcher(asked.filter, ("done", "name"))
            found = [
                _copy(each)
                for name, each in self._all.items()
                if name.startswith(f"{asked.name}/operations/")
                and meets({"name": name, "done": str(each.done).lower()})
            ]
        some, token = part(found, asked)
        return operations_pb2.ListOperationsResponse(operations=some, next_page_token=token)


def _tell(
    operation: Operation, metadata: Answer | None, begun: datetime, changed: datetime
) -> None:
    """Put an operation's metadata into it, with its times where there is a place for them."""
    if metadata is None:
        return
    if isinstance(metadata, proto.Message) and "generic_metadata" in type(metadata).meta.fields:
        timed: Any = type(metadata)(metadata)
        timed.generic_metadata = {"create_time": begun, "update_time": changed}
        metadata = timed
    operation.metadata.Pack(_plain(metadata))


def _plain(message: Answer) -> Message:
    if isinstance(message, proto.Message):
        plain: Message = type(message).pb(message)
        return plain
    return message.answer if isinstance(message, Headed) else message


def _copy(operation: Operation) -> Operation:
    copy = Operation()
    copy.CopyFrom(operation)
    return copy
