"""Asks an endpoint of Vertex AI, and says what came back as a caller of the model server would."""

from __future__ import annotations

import json
import math
import time
from functools import cached_property
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.api_core import exceptions
from google.api_core.grpc_helpers import wrap_errors
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient
from google.cloud.aiplatform_v1.types import Endpoint, RawPredictRequest

from blocks.contracts import NotFound, Prediction
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.endpoint_calls import PATIENCE
from blocks.providers.gcp.private_asking import PrivateCaller
from blocks.providers.gcp.private_endpoints import Private, address_of, is_private
from blocks.providers.gcp.steering import Steering

REMEMBERED = 30.0  # seconds, for an endpoint's address and the names of its variants
ANSWERED_BY = "x-vertex-ai-deployed-model-id"
# What Vertex AI makes of a container's status; statuses without a code of their own are these.
_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class Caller:
    """A caller that remembers for a while where an endpoint is."""

    def __init__(self, account: GcpAccount, steering: Steering, *, private: Private | None) -> None:
        self._account, self._steering, self._private = account, steering, private
        self._known: dict[str, tuple[float, Endpoint]] = {}

    def ask(self, name: str, payload: Any) -> Prediction:
        """Ask once. Raises NotFound if there is no endpoint."""
        endpoint = self._endpoint(name)
        if is_private(endpoint):
            return self._ask_privately(name, endpoint, payload)
        client = self._account.client(PredictionServiceClient, host=endpoint.dedicated_endpoint_dns)
        body = HttpBody(content_type="application/json", data=json.dumps(payload).encode())
        request = RawPredictRequest(endpoint=endpoint.name, http_body=body)
        begun = time.perf_counter()
        try:
            answer, headers = _raw_predict(client, request)
        except exceptions.GoogleAPICallError as error:
            return _refused(error, seconds=time.perf_counter() - begun)
        return Prediction(
            status=200,
            variant=self._variant(name, headers.get(ANSWERED_BY, "")),
            body=_decoded(answer.data),
            seconds=time.perf_counter() - begun,
        )

    def _ask_privately(self, name: str, endpoint: Endpoint, payload: Any) -> Prediction:
        address, content = address_of(endpoint, self._private), json.dumps(payload).encode()
        begun = time.perf_counter()
        reply = self._private_caller.raw_predict(address, endpoint.name, content)
        return Prediction(
            status=reply.status,
            variant=self._variant(name, reply.headers.get(ANSWERED_BY, "")),
            body=_decoded(reply.content),
            seconds=time.perf_counter() - begun,
        )

    @cached_property
    def _private_caller(self) -> PrivateCaller:
        return PrivateCaller(within=PATIENCE.total_seconds())

    def _endpoint(self, name: str) -> Endpoint:
        at, endpoint = self._known.get(name, (-math.inf, None))
        if endpoint is None or time.monotonic() - at > REMEMBERED:
            endpoint = self._steering.describe(name)
            if endpoint is None:
                raise NotFound(f"there is no endpoint {name!r}", code="ENDPOINT")
            self._known[name] = (time.monotonic(), endpoint)
        return endpoint

    def _variant(self, name: str, deployed_model: str) -> str:
        """Return the variant that a deployed model is; empty where Vertex AI does not say who."""
        if not deployed_model:
            return ""
        models = self._endpoint(name).deployed_models
        if all(each.id != deployed_model for each in models):
            self._known.pop(name, None)  # it was deployed since
            models = self._endpoint(name).deployed_models
        found = (each.display_name for each in models if each.id == deployed_model)
        return str(next(found, ""))


def _raw_predict(
    client: PredictionServiceClient, request: RawPredictRequest
) -> tuple[HttpBody, dict[str, str]]:
    """Ask past the client's method, which leaves out the headers of an answer."""
    call: Any = client.transport.raw_predict
    routed = ("x-goog-request-params", f"endpoint={request.endpoint}")
    asked = wrap_errors(call.with_call)
    answer, told = asked(request, timeout=PATIENCE.total_seconds(), metadata=(routed,))
    every = (*(told.initial_metadata() or ()), *(told.trailing_metadata() or ()))
    return answer, {key: str(value) for key, value in every}


def _refused(error: exceptions.GoogleAPICallError, *, seconds: float) -> Prediction:
    """Return what the container said when it did not answer, or that nobody did."""
    code = error.grpc_status_code.name if error.grpc_status_code else ""
    if code not in _STATUSES:
        raise error
    body = _decoded(error.message)
    return Prediction(status=_STATUSES[code], variant="", body=body, seconds=seconds)


def _decoded(content: bytes | str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace") if isinstance(content, bytes) else content
