"""Online predictions: a request goes to one model by the split, and to one of its replicas."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import grpc
import httpx
from google.api.httpbody_pb2 import HttpBody
from google.cloud.aiplatform_v1.types import Endpoint, PredictResponse
from google.protobuf.json_format import MessageToDict, ParseDict
from werkzeug.wrappers import Response

from blocks.emulation import loopback
from blocks.providers.gcp.emulator.deployment import Deployment
from blocks.providers.gcp.emulator.endpoints import Endpoints
from blocks.providers.gcp.emulator.private_front import PrivateFront, is_private
from blocks.providers.gcp.emulator.refusals import GcpError, not_found
from blocks.providers.gcp.emulator.request_log import RequestLog
from blocks.providers.gcp.emulator.routes import Answer, Headed
from blocks.providers.gcp.emulator.world import World

_MOST = 10 * 1024 * 1024  # bytes of a request to a dedicated endpoint
_TIMEOUT = 600.0  # seconds, unless an endpoint says otherwise
_Code = grpc.StatusCode
_RESOURCE = "aiplatform.googleapis.com/Endpoint"
_METRICS = "aiplatform.googleapis.com/prediction/online"
# As Google's own gateways translate statuses, see google/rpc/code.proto.
_CODES = {
    400: _Code.INVALID_ARGUMENT,
    401: _Code.UNAUTHENTICATED,
    403: _Code.PERMISSION_DENIED,
    404: _Code.NOT_FOUND,
    409: _Code.ABORTED,
    429: _Code.RESOURCE_EXHAUSTED,
    499: _Code.CANCELLED,
    501: _Code.UNIMPLEMENTED,
    503: _Code.UNAVAILABLE,
    504: _Code.DEADLINE_EXCEEDED,
}


class Predictions:
    """RawPredict and Predict, with the endpoints that they ask."""

    unlocked: ClassVar[frozenset[str]] = frozenset(
        {"PredictionService.RawPredict", "PredictionService.Predict"}
    )

    def __init__(self, world: World) -> None:
        self._world = world
        self._endpoints, self._log = Endpoints(world), RequestLog(world)
        self._http = loopback.client(timeout=_TIMEOUT)
        PrivateFront(world, self._privately)

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            **self._endpoints.handlers(),
            "PredictionService.RawPredict": self._raw,
            "PredictionService.Predict": self._predict,
        }

    def _raw(self, asked: Any) -> Headed:
        endpoint, chosen = self._choose(asked.endpoint)
        kind = asked.http_body.content_type or "application/json"
        reply = self._post(chosen, asked.http_body.data, kind)
        self._log.keep(endpoint, chosen.told.id, asked.http_body.data, reply.content)
        body = HttpBody(content_type=reply.headers.get("content-type", ""), data=reply.content)
        return Headed(answer=body, headers=_headers(endpoint, chosen))

    def _predict(self, asked: Any) -> PredictResponse:
        endpoint, chosen = self._choose(asked.endpoint)
        told = MessageToDict(type(asked).pb(asked))
        said = {key: told[key] for key in ("instances", "parameters") if key in told}
        content = json.dumps(said).encode()
        reply = self._post(chosen, content, "application/json")
        self._log.keep(endpoint, chosen.told.id, content, reply.content)
        return _answer_of(chosen, reply)

    def _privately(self, name: str, verb: str, content: bytes, kind: str) -> Response:
        """Answer over HTTP, behind a forwarding rule: a container's own words are not changed."""
        endpoint, chosen = self._choose(name, private=True)
        reply = self._passed_on(chosen, content, kind)
        self._log.keep(endpoint, chosen.told.id, content, reply.content)
        told = reply.content
        if verb == "predict" and reply.status_code == httpx.codes.OK:
            answer = _answer_of(chosen, reply)
            told = PredictResponse.to_json(answer).encode()
        headers = {
            **_headers(endpoint, chosen),
            "content-type": reply.headers.get("content-type", ""),
        }
        return Response(told, status=reply.status_code, headers=headers)

    def _choose(self, name: str, *, private: bool = False) -> tuple[Endpoint, Deployment]:
        endpoint, deployed = self._endpoints.serving(name)
        if is_private(endpoint) and not private:
            raise GcpError(
                _Code.FAILED_PRECONDITION,
                f"Endpoint {name} is exposed through Private Service Connect alone.",
            )
        if private and not is_private(endpoint):
            raise not_found(name)
        live = {key: share for key, share in endpoint.traffic_split.items() if share}
        if not live:
            raise GcpError(_Code.FAILED_PRECONDITION, f"Endpoint {name} has no traffic_split.")
        chosen = random.choices(list(live), list(live.values()))[0]  # noqa: S311 - no secret
        return endpoint, deployed[chosen]

    def _post(self, chosen: Deployment, content: bytes, kind: str) -> httpx.Response:
        reply = self._passed_on(chosen, content, kind)
        if reply.status_code != httpx.codes.OK:
            raise GcpError(_code(reply.status_code), reply.text)
        return reply

    def _passed_on(self, chosen: Deployment, content: bytes, kind: str) -> httpx.Response:
        if len(content) > _MOST:
            raise GcpError(_Code.INVALID_ARGUMENT, f"The request exceeds {_MOST} bytes.")
        begun, status = time.perf_counter(), int(httpx.codes.SERVICE_UNAVAILABLE)
        try:
            reply = self._answered(chosen, content, kind)
            status = reply.status_code
            return reply
        finally:
            self._measure(chosen, status, seconds=time.perf_counter() - begun)

    def _measure(self, chosen: Deployment, status: int, *, seconds: float) -> None:
        """Count a request, as Cloud Monitoring tells of it."""
        measured, of = self._world.measured, (_RESOURCE, {"endpoint_id": chosen.endpoint})
        labels = {"deployed_model_id": chosen.told.id}
        measured.keep(f"{_METRICS}/prediction_count", 1, labels, of=of)
        code = {**labels, "response_code": str(status)}
        measured.keep(f"{_METRICS}/response_count", 1, code, of=of)
        if status != httpx.codes.OK:
            measured.keep(f"{_METRICS}/error_count", 1, labels, of=of)
        for part, share in (("total", seconds), ("model", seconds), ("overhead", 0.0)):
            told = {**labels, "latency_type": part}
            measured.keep(f"{_METRICS}/prediction_latencies", share * 1e6, told, of=of)

    def _answered(self, chosen: Deployment, content: bytes, kind: str) -> httpx.Response:
        try:
            return self._http.post(
                chosen.pick().predict, content=content, headers={"content-type": kind}
            )
        except httpx.TimeoutException as error:
            raise GcpError(_Code.DEADLINE_EXCEEDED, "The model server took too long.") from error
        except httpx.HTTPError as error:
            raise GcpError(_Code.UNAVAILABLE, f"The model server broke off: {error}") from error


def _headers(endpoint: Endpoint, chosen: Deployment) -> dict[str, str]:
    return {
        "x-vertex-ai-endpoint-id": endpoint.name.rpartition("/")[2],
        "x-vertex-ai-deployed-model-id": chosen.told.id,
    }


def _answer_of(chosen: Deployment, reply: httpx.Response) -> PredictResponse:
    answer = PredictResponse(
        deployed_model_id=chosen.told.id,
        model=chosen.told.model,
        model_version_id=chosen.told.model_version_id,
        model_display_name=chosen.told.display_name,
    )
    try:
        ParseDict({"predictions": reply.json()["predictions"]}, type(answer).pb(answer))
    except (ValueError, KeyError, TypeError) as error:
        raise GcpError(_Code.FAILED_PRECONDITION, f"Invalid prediction: {error}") from error
    return answer


def _code(status: int) -> grpc.StatusCode:
    other = _Code.FAILED_PRECONDITION if status < 500 else _Code.INTERNAL
    return _CODES.get(status, other)
