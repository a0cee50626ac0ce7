"""The front door of the gRPC services.

Every call is told from its path, meets the caller's policy and the faults that wait for it, is held
against Google's own message classes, answered, and kept.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
import proto
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from blocks.emulation.faults import Dropped
from blocks.emulation.record import Call
from blocks.providers.gcp.emulator import messages
from blocks.providers.gcp.emulator.callers import caller, permit
from blocks.providers.gcp.emulator.permissions import permission
from blocks.providers.gcp.emulator.refusals import GcpError, denied, invalid, not_found
from blocks.providers.gcp.emulator.routes import Headed, Route, encode, routes, unknown
from blocks.providers.gcp.emulator.services import answering
from blocks.providers.gcp.emulator.world import NUMBER, World

log = logging.getLogger(__name__)

_BROKEN = GcpError(grpc.StatusCode.INTERNAL, "the emulator failed; see its log")
_CUT = GcpError(grpc.StatusCode.UNAVAILABLE, "Socket closed")  # what a client makes of a cut
_FAILED = 500
_KEPT_BYTES = 4096  # larger requests are kept without what they say


class GrpcFront(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Every method of every service of one project."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._handlers, self._unlocked = answering(world)

    def service(self, details: Any) -> Any:
        """Return what answers a call; there is something for every path."""

        def answer(content: bytes, context: Any) -> bytes:
            try:
                told, headers = self.ask(
                    details.method, content, dict(context.invocation_metadata())
                )
            except GcpError as error:
                _abort(context, error)
            if headers:
                context.send_initial_metadata(tuple(headers.items()))
            return told

        return grpc.unary_unary_rpc_method_handler(answer)

    def ask(
        self, path: str, content: bytes, metadata: Mapping[str, str]
    ) -> tuple[bytes, Mapping[str, str]]:
        """Return the answer to one call, and its headers. Raises GcpError with what is refused."""
        route = routes().get(path) or unknown(path)
        action = permission(route.api, route.method)
        status, hole, request = 200, False, None
        key = metadata.get("authorization", "")
        try:
            key = caller(self._world, key)
            request = _decoded(route, content)
            return self._met(route, request, key, action)
        except Dropped:
            status = 0
            raise _CUT from None
        except GcpError as error:
            status, hole = error.http_status, error.code is grpc.StatusCode.UNIMPLEMENTED
            raise
        except Exception:
            log.exception("%s", route.call)
            status, hole = _FAILED, True
            raise _BROKEN from None
        finally:
            self._keep(route, action, key, request, status=status, hole=hole)

    def _met(
        self, route: Route, request: Any, key: str, action: str
    ) -> tuple[bytes, Mapping[str, str]]:
        """Return the answer and its headers, if the policy allows it and no fault strikes."""
        permit(self._world, key, action)
        self._world.faults.before(route.call)
        handler = self._handlers.get(route.name)
        if handler is None:
            raise GcpError(grpc.StatusCode.UNIMPLEMENTED, f"{route.call} is not emulated")
        messages.check(request)
        messages.require_name(request, route.parse)
        messages.canonical(request, self._world.canonical)
        self._require_here(getattr(request, "parent", ""))
        lock: Any = self._world.lock
        with contextlib.nullcontext() if route.name in self._unlocked else lock:
            answer = handler(request)
            content = encode(answer)
        self._world.faults.after(route.call)
        headers: Mapping[str, str] = answer.headers if isinstance(answer, Headed) else {}
        return content, headers

    def _require_here(self, parent: Any) -> None:
        """Raise GcpError for a parent in another project or location: there is this one alone."""
        parts = str(parent).split("/")
        if parts[0] != "projects":
            return
        if parts[1] != NUMBER:
            raise denied(f"resourcemanager.projects.get on {parts[1]}")
        if parts[2:3] == ["locations"] and parts[3] != self._world.location:
            raise not_found(str(parent))

    def _keep(
        self, route: Route, action: str, key: str, request: Any, *, status: int, hole: bool
    ) -> None:
        call = Call(
            call=route.call,
            action=action,
            key=key,
            at=time.time(),
            status=status,
            request=_told(request),
            resource=str(getattr(request, "name", "") or getattr(request, "parent", "")),
        )
        self._world.record.keep(call, unknown=hole)


def _decoded(route: Route, content: bytes) -> Any:
    try:
        return route.decode(content)
    except DecodeError as error:
        raise invalid(f"the request cannot be read: {error}") from error


def _told(request: Any) -> dict[str, Any]:
    """Return what a request says; of large ones the record keeps nothing but the call."""
    plain = type(request).pb(request) if isinstance(request, proto.Message) else request
    if not isinstance(plain, Message) or plain.ByteSize() > _KEPT_BYTES:
        return {}
    told: dict[str, Any] = MessageToDict(plain)
    return told


def _abort(context: Any, error: GcpError) -> NoReturn:
    if error.details:
        context.abort_with_status(rpc_status.to_status(error.status()))
    context.abort(error.code, error.message)
    raise AssertionError("abort returns never")
