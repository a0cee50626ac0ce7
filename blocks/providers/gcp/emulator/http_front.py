"""The HTTP port: levers, the metadata server, and Cloud Storage with its policy and faults."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx
from google.cloud.secretmanager_v1.types import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
)
from werkzeug.wrappers import Request, Response

from blocks.emulation.control import Control
from blocks.emulation.faults import Dropped
from blocks.emulation.record import Call
from blocks.providers.gcp.emulator.callers import caller, permit
from blocks.providers.gcp.emulator.iam_credentials import PATH, IamCredentials
from blocks.providers.gcp.emulator.launch import CONTAINERS
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.routes import encode
from blocks.providers.gcp.emulator.server import GrpcFront
from blocks.providers.gcp.emulator.storage_calls import StorageCall, storage_call
from blocks.providers.gcp.emulator.world import NUMBER, World

_SECRET = re.compile(r"/v1/(projects/[^/]+/secrets/[^/]+/versions/[^/]+):access")
_ACCESS = "/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion"
_JSON = "application/json"
_LIFETIME = 3599  # seconds that a token says it is good for
_ACCOUNT = "jobs@rehearsal-project.iam.gserviceaccount.com"
_UNKNOWN = 501
_REPLACED = 412
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "date"})


class HttpFront:
    """A WSGI application beside the gRPC services of one project."""

    def __init__(self, world: World, grpc_front: GrpcFront) -> None:
        self._world, self._grpc = world, grpc_front
        self._control, self._iam = Control(world), IamCredentials(world)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, or cut the connection where a fault wants that."""
        request = Request(environ)
        front = self._world.fronts.get(request.path.split("/")[1]) or self._inside(request.path)
        if front is not None:
            return front(request)(environ, start)
        try:
            if found := PATH.fullmatch(request.path):
                return self._iam.answer(found[1], request)(environ, start)
            if found := _SECRET.fullmatch(request.path):
                return self._secret(found[1], request)(environ, start)
            return self._storage(request)(environ, start)
        except Dropped:
            return _cut(environ)

    def _inside(self, path: str) -> Callable[[Request], Response] | None:
        """Return what answers a path that no SDK asks as its caller; None for the others."""
        if path.startswith("/_emulator/"):
            return self._control.answer
        if path.startswith("/computeMetadata/") or path == "/":
            return self._metadata
        if path == "/token":
            return lambda _: _token("ya29.of-a-service-account")
        return None

    def _secret(self, version: str, request: Request) -> Response:
        """Answer what gRPC answers too: Secret Manager's one call that containers make."""
        asked = AccessSecretVersionRequest(name=version)
        try:
            content, _ = self._grpc.ask(
                _ACCESS, encode(asked), {"authorization": request.headers.get("Authorization", "")}
            )
        except GcpError as error:
            return Response(error.json(), status=error.http_status, content_type=_JSON)
        told = AccessSecretVersionResponse.deserialize(content)
        return Response(AccessSecretVersionResponse.to_json(told), content_type=_JSON)

    def _storage(self, request: Request) -> Response:
        known = storage_call(request.method, request.environ["PATH_INFO_RAW"])
        call = known or StorageCall(call=f"storage:{request.method} {request.path}", action="")
        key, status = "", 0
        try:
            key = caller(self._world, request.headers.get("Authorization", ""))
            permit(self._world, key, call.action)
            self._world.faults.before(call.call)
            response = self._passed_on(request)
            status = response.status_code
            self._world.faults.after(call.call)
        except GcpError as error:
            status = error.http_status
            response = Response(error.json(), status=status, content_type=_JSON)
        finally:
            self._keep(call, key, status, request, hole=known is None)
        return response

    def _passed_on(self, request: Request) -> Response:
        if request.method == "DELETE" and self._is_replaced(request):
            refusal = {"error": {"code": _REPLACED, "message": "conditionNotMet"}}
            return Response(json.dumps(refusal), status=_REPLACED, content_type=_JSON)
        query = request.query_string.decode()
        path = request.environ["PATH_INFO_RAW"] + (f"?{query}" if query else "")
        headers = {name: value for name, value in request.headers if name.lower() not in _HOP}
        status, told, body = self._world.objects.ask(
            request.method, path, request.get_data(), headers
        )
        kept = [(name, value) for name, value in told if name.lower() not in _HOP]
        return Response(body, status=status, headers=kept)

    def _is_replaced(self, request: Request) -> bool:
        """Whether a removal names a generation that is gone; fake-gcs-server does not look."""
        wanted = request.args.get("ifGenerationMatch")
        if wanted is None:
            return False
        status, _, told = self._world.objects.ask("GET", request.environ["PATH_INFO_RAW"])
        return status == httpx.codes.OK and json.loads(told).get("generation") != wanted

    def _keep(
        self, call: StorageCall, key: str, status: int, request: Request, *, hole: bool
    ) -> None:
        kept = Call(
            call=call.call,
            action=call.action,
            key=key,
            at=time.time(),
            status=_UNKNOWN if hole else status,
            resource=request.path,
        )
        self._world.record.keep(kept, unknown=hole)

    def _metadata(self, request: Request) -> Response:
        """Answer as the metadata server of a machine does, whose service account is the jobs'."""
        path = request.path.removeprefix("/computeMetadata/v1").rstrip("/")
        if path.startswith("/instance/service-accounts/") and path.endswith("/token"):
            return _token(CONTAINERS)
        told: Mapping[str, str] = {
            "/project/project-id": self._world.project,
            "/project/numeric-project-id": NUMBER,
            "/instance/zone": f"projects/{NUMBER}/zones/{self._world.location}-a",
            "/universe/universe-domain": "googleapis.com",
        }
        response = Response(told.get(path, ""), content_type="text/plain")
        if path.startswith("/instance/service-accounts/"):
            account = {"email": _ACCOUNT, "scopes": [_SCOPE], "aliases": ["default"]}
            response = Response(json.dumps(account), content_type=_JSON)
        response.headers["Metadata-Flavor"] = "Google"
        return response


_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def _token(value: str) -> Response:
    told = {"access_token": value, "expires_in": _LIFETIME, "token_type": "Bearer"}
    response = Response(json.dumps(told), content_type=_JSON)
    response.headers["Metadata-Flavor"] = "Google"
    return response


def _cut(environ: Mapping[str, Any]) -> Iterable[bytes]:
    """Close the connection under the caller, as a network that fails does."""
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("cut on purpose")
