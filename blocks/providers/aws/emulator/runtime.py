"""SageMaker's runtime: a request goes to one variant by the weights, and its copy to the shadow."""

from __future__ import annotations

import contextlib
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from werkzeug.wrappers import Request, Response

from blocks.emulation import loopback
from blocks.providers.aws.container import ATTRIBUTES
from blocks.providers.aws.emulator import serverless
from blocks.providers.aws.emulator.alarms import Alarms, Answered
from blocks.providers.aws.emulator.captures import capture
from blocks.providers.aws.emulator.components import Components
from blocks.providers.aws.emulator.endpoint_changes import Endpoint
from blocks.providers.aws.emulator.endpoints import Endpoints
from blocks.providers.aws.emulator.fleets import Fleet, Replica
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.runtime_rules import said_to_runtime
from blocks.providers.aws.emulator.world import World

PATH = re.compile(r"/endpoints/([^/]+)/invocations")
INVOKED = "x-Amzn-Invoked-Production-Variant"
MAX_BODY = 6_291_456
TIMEOUT = 60.0  # seconds that a container has for an answer
_PASSED_ON = ("content-type", "accept", ATTRIBUTES)
_COPIES = 8  # on their way at a time


class Runtime:
    """InvokeEndpoint."""

    def __init__(
        self, world: World, endpoints: Endpoints, components: Components, alarms: Alarms
    ) -> None:
        self._components = components
        self._world, self._endpoints, self._alarms = world, endpoints, alarms
        self._http = loopback.client(timeout=TIMEOUT)
        self._copying = ThreadPoolExecutor(_COPIES, thread_name_prefix="copies")
        self._random = random.Random()  # noqa: S311 - a sample, not a secret

    def invoke(self, request: Request, match: re.Match[str]) -> Response:
        """Answer one request as a variant does, or say why nobody does."""
        name = match[1]
        if "Authorization" not in request.headers:
            raise AwsError("MissingAuthenticationToken", "Missing Authentication Token", 403)
        said = said_to_runtime("InvokeEndpoint", request, name)
        endpoint = self._endpoints.find(name)
        if endpoint is None:
            told = f"Endpoint {name} of account {self._world.account} not found."
            raise AwsError("ValidationError", told)
        body = request.get_data()
        if len(body) > MAX_BODY:
            told = f"Body length must be less than or equal to {MAX_BODY}"
            raise AwsError("ValidationError", told)
        if self._endpoints.queue_of(name) is not None:
            told = f"Endpoint {name} has an AsyncInferenceConfig and takes InvokeEndpointAsync only"
            raise AwsError("ValidationError", told)
        named = self._components.chosen(endpoint, said.get("InferenceComponentName", ""))
        fleet = named or self._chosen(endpoint, said.get("TargetVariant", ""))
        self._admit(fleet, body)
        headers = {key: request.headers[key] for key in _PASSED_ON if key in request.headers}
        self._copy(endpoint, body, headers)
        return self.answered(fleet, body, headers, inference=said.get("InferenceId", ""))

    def answered(
        self,
        fleet: Fleet,
        body: bytes,
        headers: dict[str, str],
        *,
        limit: float = TIMEOUT,
        inference: str = "",
    ) -> Response:
        """Let a variant answer, and its metrics know. Raises what its callers are told."""
        with self._world.lock:
            fleet.asked += 1
        began = time.monotonic()
        try:
            answer = self._asked(fleet, body, headers, limit)
        except AwsError as error:
            status = int(error.details.get("OriginalStatusCode") or error.status)
            self._tell(fleet, status, time.monotonic() - began)
            raise
        self._tell(fleet, answer.status_code, time.monotonic() - began)
        asked = (headers.get("content-type", ""), body)
        answered = (answer.content_type or "", answer.get_data())
        config = self._endpoints.capture_of(fleet.endpoint)
        capture(self._world, config, fleet, asked, answered, inference=inference)
        return answer

    def _admit(self, fleet: Fleet, body: bytes) -> None:
        """Raise what a serverless variant says to too large a request, and to one too many."""
        config = fleet.variant.get(serverless.CONFIG)
        if config is None:
            return
        if len(body) > serverless.MAX_BODY:
            told = f"Body length must be less than or equal to {serverless.MAX_BODY}"
            raise AwsError("ValidationError", told)
        with self._world.lock:
            flying = sum(each.flying for each in fleet.replicas)
        if flying >= config["MaxConcurrency"]:
            raise AwsError("ThrottlingException", "Rate exceeded", 429)

    def _tell(self, fleet: Fleet, status: int, seconds: float) -> None:
        """Let the metrics of the endpoint know of an answer."""
        answered = Answered(
            at=self._world.clock.now(),
            endpoint=fleet.endpoint,
            variant=fleet.name,
            config=fleet.config,
            status=status,
            seconds=seconds,
        )
        self._alarms.hear(answered)

    def _chosen(self, endpoint: Endpoint, target: str) -> Fleet:
        with self._world.lock:
            new = self._random.random() < endpoint.share
            live = [each for each in endpoint.arriving if not each.shadow] if new else []
            live = live or endpoint.live()
            weights = [each.weight for each in live]
        if target:
            found = [each for each in live if each.name == target]
            if not found:
                told = f"Variant {target} of endpoint {endpoint.name} not found."
                raise AwsError("ValidationError", told)
            return found[0]
        if not sum(weights):
            raise AwsError("ServiceUnavailable", "No variant has a weight.", 503)
        return self._random.choices(live, weights)[0]

    def _asked(
        self, fleet: Fleet, body: bytes, headers: dict[str, str], limit: float = TIMEOUT
    ) -> Response:
        for replica in self._in_order(fleet):
            try:
                reply = self._posted(replica, body, headers, limit)
            except httpx.TimeoutException:
                raise _failed(fleet, 0, "Your invocation timed out", code=504) from None
            except httpx.HTTPError:
                continue  # the machine has just broken: another one is asked
            if reply.status_code >= 400:
                raise _failed(fleet, reply.status_code, reply.text)
            answer = Response(reply.content, content_type=reply.headers["content-type"])
            answer.headers[INVOKED] = fleet.answers_as or fleet.name
            return answer
        raise AwsError("ServiceUnavailable", "The service is unavailable. Try again later.", 503)

    def _in_order(self, fleet: Fleet) -> list[Replica]:
        """Return the replicas as they are to be asked: by chance, or the least busy first."""
        serving = fleet.serving()
        mixed = self._random.sample(serving, len(serving))
        routing = fleet.variant.get("RoutingConfig", {})
        if routing.get("RoutingStrategy") == "LEAST_OUTSTANDING_REQUESTS":
            mixed.sort(key=lambda each: each.flying)
        return mixed

    def _posted(
        self, replica: Replica, body: bytes, headers: dict[str, str], limit: float
    ) -> httpx.Response:
        with self._world.lock:
            replica.flying += 1
        try:
            where = f"{replica.url}/invocations"
            return self._http.post(where, content=body, headers=headers, timeout=limit)
        finally:
            with self._world.lock:
                replica.flying -= 1

    def _copy(self, endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> None:
        with self._world.lock:
            live = sum(each.weight for each in endpoint.live())
            shadows = [(each, each.weight) for each in endpoint.shadows()]
        for fleet, weight in shadows:
            if self._random.random() * live < weight:
                self._copying.submit(self._send, fleet, body, headers)

    def _send(self, fleet: Fleet, body: bytes, headers: dict[str, str]) -> None:
        with contextlib.suppress(AwsError):  # nobody sees what a shadow answers
            self._asked(fleet, body, headers)


def _failed(fleet: Fleet, status: int, text: str, *, code: int | None = None) -> AwsError:
    words = f'Received server error ({status}) from primary with message "{text}".'
    return AwsError(
        "ModelError",
        words,
        424,
        OriginalStatusCode=code or status,
        OriginalMessage=text,
        LogStreamArn=f"arn:aws:logs:::log-group:/aws/sagemaker/Endpoints/{fleet.endpoint}",
    )
