"""The front door: every service of the subscription is answered here.

A call is told from its path, its caller from the token, then it meets the faults that wait for
it, is held against the SDK's own model, answered, held against it again, and kept.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response

from blocks.emulation.control import Control
from blocks.emulation.faults import Dropped
from blocks.emulation.listening import cut
from blocks.emulation.record import Call
from blocks.providers.azure.emulator import schema
from blocks.providers.azure.emulator.blob_wire import BlobWire, operation_of
from blocks.providers.azure.emulator.doors import routes
from blocks.providers.azure.emulator.launch import STORAGE
from blocks.providers.azure.emulator.operations import Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError, refused
from blocks.providers.azure.emulator.world import World

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]

_FAILED, _UNKNOWN = 500, 501
_OPEN = ("login", "msi", "discovery")  # services that ask for no token
_SAYING = ("ml", "insights")  # services of whose calls the record keeps what is said
_KEYED = "inference"  # the service that asks for a key of its own
_BROKEN = AzureError("InternalServerError", "the emulator failed; see its log", _FAILED)
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_BLOB_ACTIONS = {
    "CreateContainer": f"{_BLOBS}/write",
    "GetContainer": f"{_BLOBS}/read",
    "ListBlobs": f"{_BLOBS}/blobs/read",
    "GetBlob": f"{_BLOBS}/blobs/read",
    "GetBlobProperties": f"{_BLOBS}/blobs/read",
    "DeleteBlob": f"{_BLOBS}/blobs/delete",
}


class Emulator:
    """A WSGI application that is one Azure subscription."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._routes = [(each, each.pattern()) for each in routes(world)]
        self._blobs = BlobWire(world.blobs)
        self._control = Control(world)

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer one request, or cut the connection where a fault wants that."""
        request = Request(environ)
        if request.path.startswith("/_emulator/"):
            return self._control.answer(request)(environ, start)
        return self._answered(request)(environ, start)

    def _answered(self, request: Request) -> Response:
        request_id, key = str(uuid.uuid4()), ""
        route, words = self._found(request)
        try:
            request.get_data()  # whatever is answered: the connection goes on after the body
            key = self._caller(route, request)
            answer = self._met(route, words, key, request)
        except (Dropped, ClientDisconnected):  # the latter: a machine was killed while it sent
            self._keep(route, request, key, 0)
            raise cut(request.environ) from None
        except AzureError as error:
            self._keep(route, request, key, error.status, hole=error.status == _UNKNOWN)
            return refused(error, route.service, request_id)
        except Exception:
            log.exception("%s", route.call)
            self._keep(route, request, key, _FAILED, hole=True)
            return refused(_BROKEN, route.service, request_id)
        answer.headers["x-ms-request-id"] = request_id
        self._keep(route, request, key, answer.status_code)
        return answer

    def _found(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        if request.path.startswith(f"/{STORAGE}/"):
            operation = operation_of(request)
            return _blob_route(operation), {}
        for route, pattern in self._routes:
            if route.method == request.method and (found := pattern.fullmatch(request.path)):
                return route, found.groupdict()
        return replace(_NOWHERE, operation=f"{request.method} {request.path}"), {}

    def _caller(self, route: Route, request: Request) -> str:
        if route.service in _OPEN or route.service == _KEYED:
            return ""
        if route.service == "blob" and "sig" in request.args:
            if not self.world.identity.opens(request.args, "/".join(self._blobs.place(request))):
                raise AzureError("AuthenticationFailed", "The signature does not match.", 403)
            return "link"
        return self.world.identity.caller(request)

    def _met(self, route: Route, words: Mapping[str, str], key: str, request: Request) -> Response:
        """Return the answer, if the role allows it and no fault strikes before or after."""
        self._permit(route, key)
        if route.service in _OPEN:
            return self._done(route, words, request)
        self.world.faults.before(route.call)
        answer = self._done(route, words, request)
        self.world.faults.after(route.call)
        return answer

    def _permit(self, route: Route, key: str) -> None:
        allowed = self.world.policies.get(key, ("*",))
        if route.action and not any(fnmatchcase(route.action, each) for each in allowed):
            code = "AuthorizationFailed"
            if route.service == "blob":
                code = "AuthorizationPermissionMismatch"
            elif route.service == "vault":
                code = "Forbidden"
            told = (
                f"The client '{key}' does not have authorization to perform action "
                f"'{route.action}' over the scope, or the scope is invalid."
            )
            raise AzureError(code, told, 403)

    def _done(self, route: Route, words: Mapping[str, str], request: Request) -> Response:
        if route.service == "blob":
            return self._blobs.answer(route.operation, request)
        asked = Asked(request=request, words=words, body=_body(request))
        if route.model:
            schema.check_request(route.model, asked.body)
        if not route.locked:
            return self._shown(route, route.handler(asked))
        with self.world.lock:
            return self._shown(route, route.handler(asked))

    def _shown(self, route: Route, told: Told | Response | Said | None) -> Response:
        if isinstance(told, Response):
            return told
        answer = told if isinstance(told, Told) else Told(body=told)
        if route.answers and answer.body is not None:
            schema.check_answer(route.answers, answer.body)
        text = "" if answer.body is None else json.dumps(answer.body)
        return Response(
            text,
            status=answer.status,
            headers=dict(answer.headers),
            content_type="application/json",
        )

    def _keep(
        self, route: Route, request: Request, key: str, status: int, *, hole: bool = False
    ) -> None:
        call = Call(
            call=route.call,
            action=route.action,
            key=key,
            at=time.time(),
            status=status,
            request=_said(route, request),
            resource=request.path,
        )
        self.world.record.keep(call, unknown=hole)


def _nowhere(asked: Asked) -> Said:
    told = f"{asked.request.method} {asked.request.path} is not emulated"
    raise AzureError("InvalidResourceType", told, _UNKNOWN)


_NOWHERE = Route(service="unknown", method="", path="/", operation="", handler=_nowhere)


def _blob_route(operation: str) -> Route:
    return replace(
        _NOWHERE,
        service="blob",
        operation=operation,
        action=_BLOB_ACTIONS.get(operation, f"{_BLOBS}/blobs/write"),
    )


def _said(route: Route, request: Request) -> dict[str, Any]:
    """Return what a call says of the workspace; of others the record keeps the path alone."""
    try:
        body = _body(request) if route.service in _SAYING else None
    except AzureError:
        return {}
    return body if isinstance(body, dict) else {}


def _body(request: Request) -> Any:
    if "json" not in request.headers.get("Content-Type", "") or not request.get_data():
        return None
    try:
        return json.loads(request.get_data())
    except ValueError as error:
        raise AzureError("InvalidRequestContent", str(error)) from error
