"""The door of online endpoints: by the key, to one deployment by the split, its copy to another."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from werkzeug.wrappers import Response

from blocks.emulation import loopback
from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.metrics import Answer
from blocks.providers.azure.emulator.online_endpoint import Deployed, OnlineEndpoint
from blocks.providers.azure.emulator.operations import Asked, Route, Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.replica import Replica
from blocks.providers.azure.emulator.world import World

DEPLOYMENT = "azureml-model-deployment"
_STATUS, _REASON = "ms-azureml-model-error-statuscode", "ms-azureml-model-error-reason"
_MOST = 1_572_864  # bytes of a request or of an answer
_TIMEOUT = "PT5S"  # if a deployment does not say
_COPIES = 8  # on their way at a time
_OWN = frozenset({"authorization", "host", "content-length", "connection", DEPLOYMENT})


class Scoring:
    """Sends requests to instances, and copies of them."""

    def __init__(self, world: World, endpoints: Mapping[str, OnlineEndpoint]) -> None:
        self._world, self._endpoints = world, endpoints
        self._http = loopback.client(timeout=seconds(_TIMEOUT))
        self._answers: Counter[str] = Counter()  # that were right, by endpoint
        world.levers["answered"] = lambda said: self._answers[said["endpoint"]]
        self._copying = ThreadPoolExecutor(_COPIES, thread_name_prefix="copies")

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            Route(
                service="inference",
                method="POST",
                path="/scoring/{endpoint}/score",
                operation="Score",
                handler=self.score,
                locked=False,
            ),
        )

    def score(self, asked: Asked) -> Response:
        """Answer one request as a deployment does, or say why nobody does."""
        endpoint = self._endpoints.get(asked["endpoint"].lower())
        if endpoint is None:
            raise AzureError("NotFound", "there is no such endpoint", 404)
        scheme, _, key = asked.request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not endpoint.admits(key, self._world.clock.now()):
            raise AzureError("key_auth_access_denied", "Access denied", 401)
        content = asked.request.get_data()
        if len(content) > _MOST:
            raise AzureError("PayloadTooLarge", "The payload is too large.", 413)
        headers = {name: value for name, value in asked.request.headers if name.lower() not in _OWN}
        target = asked.request.headers.get(DEPLOYMENT, "")
        with self._world.lock:
            chosen = _chosen(endpoint, target)
            copied = None if target else _copied(endpoint)
        if copied is not None:
            self._copying.submit(self._counted, endpoint, copied, content, headers, copied=True)
        return self._counted(endpoint, chosen, content, headers, copied=False)

    def _counted(
        self,
        endpoint: OnlineEndpoint,
        to: Deployed,
        content: bytes,
        headers: Mapping[str, str],
        *,
        copied: bool,
    ) -> Response:
        """Send a request, and count its answer."""
        begun = time.perf_counter()
        reply = self._sent(to, content, headers)
        took = time.perf_counter() - begun
        told = int(reply.headers.get(_STATUS) or reply.status_code)
        answer = Answer(status=reply.status_code, model_status=told, copied=copied)
        with self._world.lock:
            self._answers[endpoint.name] += reply.status_code == 200 and not copied
            self._world.metrics.answered(endpoint.name, to.name, answer, took)
        return reply

    def _sent(self, to: Deployed, content: bytes, headers: Mapping[str, str]) -> Response:
        with self._world.lock:
            replica = to.running.pick() if to.running else None
            if to.running and to.running.flying() >= to.most:
                return _said(429, {"error": "Too many pending requests."}, to)
            if replica is None:
                return _said(503, {"error": "No instance is ready."}, to)
            replica.flying += 1
        try:
            return self._posted(to, replica, content, headers)
        finally:
            with self._world.lock:
                replica.flying -= 1

    def _posted(
        self, to: Deployed, replica: Replica, content: bytes, headers: Mapping[str, str]
    ) -> Response:
        settings = to.body["properties"].get("requestSettings") or {}
        patience = seconds(settings.get("requestTimeout") or _TIMEOUT)
        try:
            reply = self._http.post(
                replica.scoring, content=content, headers=dict(headers), timeout=patience
            )
        except httpx.TimeoutException:
            return _said(408, {"error": "The model took too long."}, to)
        except httpx.HTTPError as error:
            return _said(503, {"error": f"The instance broke off: {error}"}, to)
        kind = reply.headers.get("content-type", "application/json")
        answer = Response(reply.content, content_type=kind, headers={DEPLOYMENT: to.name})
        if not reply.is_success:
            answer.status_code = 424
            answer.headers[_STATUS], answer.headers[_REASON] = str(reply.status_code), "model_error"
        return answer


def _chosen(endpoint: OnlineEndpoint, target: str) -> Deployed:
    if target:
        found = endpoint.deployments.get(target)
        if found is None:
            raise AzureError("NotFound", f"there is no deployment {target}", 404)
        return found
    live = {name: share for name, share in endpoint.traffic.items() if share}
    if not live:
        raise AzureError("NotFound", "no deployment has traffic", 404)
    name = random.choices(list(live), list(live.values()))[0]  # noqa: S311 - no secret
    return endpoint.deployments[name]


def _copied(endpoint: OnlineEndpoint) -> Deployed | None:
    for name, share in endpoint.mirror.items():
        if random.random() * 100 < share:  # noqa: S311 - no secret
            return endpoint.deployments.get(name)
    return None


def _said(status: int, told: Said, by: Deployed) -> Response:
    return Response(
        json.dumps(told),
        status=status,
        content_type="application/json",
        headers={DEPLOYMENT: by.name},
    )
