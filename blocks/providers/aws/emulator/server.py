"""The front door: what SageMaker answers is ours, everything else is moto's.

Every call is told from its protocol, meets the faults that wait for it, is held against the
service's published model, answered, held against it again, and kept.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import ClientDisconnected
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from blocks.emulation.control import Control
from blocks.emulation.faults import Dropped
from blocks.emulation.record import Call
from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.ec2_wire import Ec2
from blocks.providers.aws.emulator.identify import Asked, identify
from blocks.providers.aws.emulator.imds import PREFIX, Imds
from blocks.providers.aws.emulator.lambda_wire import NAME, Lambda
from blocks.providers.aws.emulator.operations import answering
from blocks.providers.aws.emulator.refusals import AwsError, refused
from blocks.providers.aws.emulator.tag_rules import tagged
from blocks.providers.aws.emulator.world import World

log = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Answer = tuple[Iterable[bytes], str, Any]  # as run_wsgi_app returns it: body, status, headers

MODELS = {
    "AWSPriceListService": "pricing",
    "AnyScaleFrontendService": "application-autoscaling",
    "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi",
    "SageMaker": "sagemaker",
}
_OURS = frozenset(MODELS.values())
_CLOUDWATCH = "monitoring"  # as it signs
_FAILED, _UNKNOWN = 500, 501
_BROKEN = AwsError("InternalFailure", "the emulator failed; see its log", _FAILED)


class Emulator:
    """A WSGI application that is one AWS account."""

    def __init__(self, world: World, *, moto: DomainDispatcherApplication | None = None) -> None:
        self.world = world
        self._moto = moto or DomainDispatcherApplication(create_backend_app)
        self._handlers, self._routes, self._features = answering(world)
        self._ec2 = Ec2(world)
        self._lambda = Lambda(world)
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
            body, status, headers = self._met(asked, request, request_id)
        except (Dropped, ClientDisconnected):  # the latter: a machine was killed while it sent
            self._keep(asked, request, 0)
            return _cut(environ)
        except AwsError as error:
            self._keep(asked, request, error.status, hole=error.status == _UNKNOWN)
            return refused(error, asked.protocol, request_id)(environ, start)
        except Exception:
            log.exception("%s", asked.call)
            self._keep(asked, request, _FAILED, hole=True)
            return refused(_BROKEN, asked.protocol, request_id)(environ, start)
        number = int(status[:3])
        self._keep(asked, request, number, hole=number >= _FAILED and asked.service != "sagemaker")
        start(status, headers)
        return body

    def _met(self, asked: Asked, request: Request, request_id: str) -> Answer:
        """Return the answer, if the policy allows it and no fault strikes before or after."""
        self._permit(asked)
        self.world.faults.before(asked.call)
        answer = self._answered(asked, request, request_id)
        self.world.faults.after(asked.call)
        return answer

    def _permit(self, asked: Asked) -> None:
        allowed = self.world.policies.get(asked.key, ("*",))
        if not any(fnmatchcase(asked.action, each) for each in allowed):
            code, status = ("AccessDeniedException", 400)
            if asked.protocol in ("query", "rest-xml"):
                code, status = ("AccessDenied", 403)
            elif asked.protocol == "ec2":
                code, status = ("UnauthorizedOperation", 403)
            raise AwsError(
                code,
                f"User is not authorized to perform: {asked.action} because no identity-based "
                f"policy allows the {asked.action} action",
                status,
            )

    def _answered(self, asked: Asked, request: Request, request_id: str) -> Answer:
        prefix = request.headers.get("X-Amz-Target", "").partition(".")[0]
        if prefix in MODELS:
            return self._ours(MODELS[prefix], asked, request, request_id)
        if asked.protocol == "ec2" and self._ec2.answers(asked.operation):
            return _plain(self._ec2.answer(asked.operation, request, request_id), request)
        if asked.service == NAME:
            return _plain(self._lambda.answer(asked.operation, request), request)
        if asked.protocol == "rest-json" and self._features.answers(asked.operation):
            return _plain(self._features.answer(asked.operation, request), request)
        for route in self._routes:
            if route.method == request.method and (match := route.path.fullmatch(request.path)):
                return _plain(route.handler(request, match), request)
        if asked.service == "sagemaker":
            raise AwsError("UnknownOperationException", f"{asked.call} is not emulated", _UNKNOWN)
        if asked.service == _CLOUDWATCH:
            self.world.publish()
        with self.world.lock:
            return run_wsgi_app(self._moto, _again(request), buffered=True)

    def _ours(self, service: str, asked: Asked, request: Request, request_id: str) -> Answer:
        model = shapes.operation(service, asked.operation)
        handler = self._handlers.get(asked.operation)
        if model is None or handler is None:
            raise AwsError("UnknownOperationException", f"{asked.call} is not emulated", 501)
        said = _body(request)
        shapes.check_request(model, said)
        if isinstance(tags := said.get("Tags"), list):
            tagged({}, tags)  # before anything is made
        with self.world.lock:
            told = {name: value for name, value in handler(said).items() if value is not None}
            shapes.check_answer(model, told)
            text = json.dumps(told, default=_epoch)
        response = Response(text, content_type="application/x-amz-json-1.1")
        response.headers["x-amzn-RequestId"] = request_id
        return _plain(response, request)

    def _keep(self, asked: Asked, request: Request, status: int, *, hole: bool = False) -> None:
        call = Call(
            call=asked.call,
            action=asked.action,
            key=asked.key,
            at=time.time(),
            status=status,
            request=_said(asked, request),
            resource=request.path,
        )
        self.world.record.keep(call, unknown=hole)


def _said(asked: Asked, request: Request) -> dict[str, Any]:
    """Return what a call to what is ours says; of others the record keeps the path alone."""
    try:
        return _body(request) if asked.protocol == "json" and asked.service in _OURS else {}
    except AwsError:
        return {}


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
