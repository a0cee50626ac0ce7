"""The front door: everything that is asked of the workspace is answered here.

A call is told from verb and path, its caller from the token, then it meets the faults that wait for
it, is held against the SDK's own model, answered, held against it again, and kept.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response

from blocks.emulation.control import Control
from blocks.emulation.faults import Dropped
from blocks.emulation.listening import cut
from blocks.emulation.record import Call
from blocks.providers.databricks.emulator.doors import open_routes, routes
from blocks.providers.databricks.emulator.operations import Asked, Route, Said, Told
from blocks.providers.databricks.emulator.refusals import Refused, invalid
from blocks.providers.databricks.emulator.schema import check_answer, check_request
from blocks.providers.databricks.emulator.world import World

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]

_FAILED, _UNKNOWN = 500, 501
_BROKEN = Refused("INTERNAL_ERROR", "the emulator failed; see its log", _FAILED)
_SECRET = "workspace:put_secret"  # noqa: S105 - a call, of which the record keeps no body


class Emulator:
    """A WSGI application that is one Databricks workspace."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._open = [*open_routes(world)]
        self._routes = [*self._open, *routes(world)]
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
            key = "" if route in self._open else self._caller(request)
            answer = self._met(route, words, key, request)
        except (Dropped, ClientDisconnected):  # the latter: a machine was killed while it sent
            self._keep(route, request, key, 0)
            raise cut(request.environ) from None
        except Refused as error:
            self._keep(route, request, key, error.status, hole=error.status == _UNKNOWN)
            return error.response(request_id)
        except Exception:
            log.exception("%s", route.name)
            self._keep(route, request, key, _FAILED, hole=True)
            return _BROKEN.response(request_id)
        answer.headers["x-request-id"] = request_id
        self._keep(route, request, key, answer.status_code)
        return answer

    def _found(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        for route in self._routes:
            if (words := route.meets(request.method, request.path)) is not None:
                return route, words
        name = f"unknown:{request.method} {request.path}"
        return Route(call=name, handler=_nowhere), {}

    def _caller(self, request: Request) -> str:
        inside = {value for scope in self.world.secrets.values() for value in scope.values()}
        return self.world.identity.caller(request, inside)

    def _met(self, route: Route, words: Mapping[str, str], key: str, request: Request) -> Response:
        """Return the answer, if the grants allow it and no fault strikes before or after."""
        self._permit(route, key)
        if route in self._open:
            return self._done(route, words, key, request)
        self.world.faults.before(route.name)
        answer = self._done(route, words, key, request)
        self.world.faults.after(route.name)
        return answer

    def _permit(self, route: Route, key: str) -> None:
        if route.action and not self.world.allows(key, route.action):
            told = f"User '{key}' does not have the permission {route.action}."
            raise Refused("PERMISSION_DENIED", told, 403)

    def _done(self, route: Route, words: Mapping[str, str], key: str, request: Request) -> Response:
        query = request.args.to_dict()
        asked = Asked(request=request, words=words, query=query, body=_body(request), caller=key)
        if route.model is not None:
            check_request(route.model, words, query, asked.body)
        if not route.locked:
            return self._shown(route, route.handler(asked))
        with self.world.lock:
            return self._shown(route, route.handler(asked))

    def _shown(self, route: Route, told: Told | Response | Said | None) -> Response:
        if isinstance(told, Response):
            return told
        answer = told if isinstance(told, Told) else Told(body=told)
        if route.model is not None and answer.body is not None:
            check_answer(route.model, answer.body)
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
            call=route.name,
            action=route.action,
            key=key,
            at=time.time(),
            status=status,
            request=_said(route, request),
            resource=request.path,
        )
        self.world.record.keep(call, unknown=hole)


def _nowhere(asked: Asked) -> Said:
    told = f"No API found for '{asked.request.method} {asked.request.path}'"
    raise Refused("ENDPOINT_NOT_FOUND", told, _UNKNOWN)


def _said(route: Route, request: Request) -> dict[str, Any]:
    """Return what a call says, but for secrets; of files the record keeps the path alone."""
    try:
        body = None if route.name == _SECRET else _body(request)
    except Refused:
        return {}
    return body if isinstance(body, dict) else {}


def _body(request: Request) -> Any:
    if "json" not in request.headers.get("Content-Type", "") or not request.get_data():
        return None
    try:
        return json.loads(request.get_data())
    except ValueError as error:
        raise invalid(f"Invalid JSON given in the body of the request: {error}") from error
