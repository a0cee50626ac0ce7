"""The front door: what SageMaker answers is ours, everything else is moto's.

Every call is told from its protocol, meets the faults that wait for it, is held against the
service's published model, answered, held against it again, and kept.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.control import Control
from blocks.providers.aws.emulator.ec2_wire import Ec2
from blocks.providers.aws.emulator.identify import Asked, identify
from blocks.providers.aws.emulator.imds import PREFIX, Imds
from blocks.providers.aws.emulator.operations import answering
from blocks.providers.aws.emulator.refusals import AwsError, Dropped, refused
from blocks.providers.aws.emulator.world import World

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Answer = tuple[Iterable[bytes], str, Any]  # as run_wsgi_app returns it: body, status, headers

MODELS = {"SageMaker": "sagemaker", "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi"}
_FAILED = 500


class Emulator:
    """A WSGI application that is one AWS account."""

    def __init__(self, world: World, *, moto: DomainDispatcherApplication | None = None) -> None:
        self.world = world
        self._moto = moto or DomainDispatcherApplication(create_backend_app)
        self._handlers, self._routes = answering(world)
        self._ec2 = Ec2(world)
        self._imds = Imds(world, self._ec2.instances)
        self._control = Control(world)

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer one request, or cut the connection where a fault wants that."""
        request = Request(environ)
        if request.path.startswith("/_emulator/"):
            return self._control.answer(request)(environ, start)
        if request.path.startswith(PREFIX):
            return self._imds.answer(request)(environ, start)
        asked, request_id = identify(request), str(uuid.uuid4())
        try:
            answer = self._met(asked, request, request_id)
        except Dropped:
            self._keep(asked, request, 0)
            return _cut(environ)
        except AwsError as error:
            self._keep(asked, request, error.status)
            return refused(error, asked.protocol, request_id)(environ, start)
        body, status, headers = answer
        self._keep(asked, request, int(status[:3]))
        start(status, headers)
        return body

    def _met(self, asked: Asked, request: Request, request_id: str) -> Answer:
        """Return the answer, if no fault strikes before or after the work."""
        self.world.faults.before(asked.call)
        answer = self._answered(asked, request, request_id)
        self.world.faults.after(asked.call)
        return answer

    def _answered(self, asked: Asked, request: Request, request_id: str) -> Answer:
        prefix = request.headers.get("X-Amz-Target", "").partition(".")[0]
        if prefix in MODELS:
            return self._ours(MODELS[prefix], asked, request, request_id)
        if asked.protocol == "ec2" and self._ec2.answers(asked.operation):
            return _plain(self._ec2.answer(asked.operation, request, request_id), request)
        for route in self._routes:
            if route.method == request.method and (match := route.path.fullmatch(request.path)):
                return _plain(route.handler(request, match), request)
        with self.world.lock:
            return run_wsgi_app(self._moto, _again(request), buffered=True)

    def _ours(self, service: str, asked: Asked, request: Request, request_id: str) -> Answer:
        model = shapes.operation(service, asked.operation)
        handler = self._handlers.get(asked.operation)
        if model is None or handler is None:
            raise AwsError("UnknownOperationException", f"{asked.call} is not emulated", 501)
        said = _body(request)
        shapes.check_request(model, said)
        with self.world.lock:
            told = {name: value for name, value in handler(said).items() if value is not None}
            shapes.check_answer(model, told)
            text = json.dumps(told, default=_epoch)
        response = Response(text, content_type="application/x-amz-json-1.1")
        response.headers["x-amzn-RequestId"] = request_id
        return _plain(response, request)

    def _keep(self, asked: Asked, request: Request, status: int) -> None:
        ours = asked.protocol == "json" and asked.service == "sagemaker"
        said = _body(request) if ours else {}
        call = self.world.heard(asked.call, status, request=said, resource=request.path)
        self.world.record.keep(call, unknown=status >= _FAILED and self._is_missing(asked, status))

    def _is_missing(self, asked: Asked, status: int) -> bool:
        """Whether that is a hole in the emulator, and no fault that was asked for."""
        ours = asked.service == "sagemaker" or self._ec2.answers(asked.operation)
        return status == 501 or (status == _FAILED and not ours)


def _body(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", str(error)) from error
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "a JSON object is expected")
    return value


def _again(request: Request) -> dict[str, Any]:
    """Return an environment from which the body, read already, can be read again."""
    body = request.get_data()
    return {
        **{name: value for name, value in request.environ.items() if name != "werkzeug.request"},
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }


def _plain(response: Response, request: Request) -> Answer:
    body, status, headers = response.get_wsgi_response(request.environ)
    return body, status, headers


def _cut(environ: Mapping[str, Any]) -> Iterable[bytes]:
    """Close the connection under the caller, as a network that fails does."""
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("cut on purpose")


def _epoch(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} has no place in an answer")
