"""The server's routes: MLflow's ``/invocations`` and the Open Inference Protocol, version 2.

A bare ASGI application: a framework would cost several times what a small model does.
"""

from __future__ import annotations

import hmac
import json
import logging
import math
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import mlflow
import orjson

from blocks.serving import protocol_v2
from blocks.serving.calls import Answer, Calls
from blocks.serving.config import (
    ENDPOINT_TOKEN,
    INTERNAL_TOKEN,
    MIRRORED,
    REQUEST_ID,
    VARIANT,
    ServerConfig,
)
from blocks.serving.exchange import Exchange, Header, Receive, Scope, Send
from blocks.serving.limits import TokenBuckets
from blocks.serving.metrics import CONTENT_TYPE
from blocks.serving.mirror import MirrorSender
from blocks.serving.model import ServedModel
from blocks.serving.refused import Refused
from blocks.serving.telemetry import Telemetry

log = logging.getLogger(__name__)

Route = tuple[Sequence[str], Callable[[Exchange, bool], Awaitable[Answer]]]
READ, WRITE = ("GET", "HEAD"), ("POST",)
LIVE = ("/live", "/ping", "/health", "/v2/health/live")
READY = ("/ready", "/v2/health/ready")
OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
COUNTED = frozenset({"BUSY", "TIMEOUT", "MODEL"})  # as answers of the model, not as refusals


class App:
    """One replica as an ASGI application."""

    def __init__(
        self, config: ServerConfig, model: ServedModel, telemetry: Telemetry, mirror: MirrorSender
    ) -> None:
        self._config, self._telemetry = config, telemetry
        self._token = os.environ.get(ENDPOINT_TOKEN, "").encode()
        self._internal = os.environ.get(INTERNAL_TOKEN, "").encode()
        rate = config.serving.requests_per_second
        self._buckets = TokenBuckets(rate) if rate else None
        self.draining = False
        self._about: list[Header] = [
            (VARIANT.encode(), config.variant.encode()),
            (b"x-bluewater-version", config.model.version.encode()),
        ]
        served = config.model
        paths = protocol_v2.routes(served.name, served.version)
        self._open = {
            **dict.fromkeys(LIVE, self._live),
            **dict.fromkeys((*READY, *paths.ready), self._ready),
        }
        self._routes = self._paths(paths, model, mirror)
        self._watch(model, mirror)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        exchange, headers, linger = Exchange(scope, receive, send), self._about, False
        try:
            status, content = await self._route(exchange)
        except Refused as refused:
            status, content, linger = refused.status, refused.body(), refused.close
            headers = [*headers, *_advice(refused)]
        except Exception:
            log.exception("a fault of the server")
            status, content = 500, Refused(500, "SERVER", "the server failed").body()
        text = isinstance(content, bytes)
        headers = [
            (b"content-type", CONTENT_TYPE.encode() if text else b"application/json"),
            *headers,
            (REQUEST_ID.encode(), exchange.identify().encode()),
        ]
        sent = content if text else _json(content)
        await exchange.answer(status, sent, headers, close=self.draining, linger=linger)
        return None

    async def _route(self, exchange: Exchange) -> Answer:
        if (handle := self._open.get(exchange.path)) is not None:
            _require(exchange, READ)
            return handle()
        try:
            return await self._ask(exchange)
        except Refused as refused:
            if refused.code not in COUNTED:
                self._telemetry.metrics.refused(refused.status)
            raise

    async def _ask(self, exchange: Exchange) -> Answer:
        self._authorize(exchange)
        route = self._routes.get(exchange.path)
        if route is None:
            message = f"there is no {exchange.path[:100]} here"
            raise Refused(404, "PATH", message, remedy="POST to /invocations")
        methods, handle = route
        _require(exchange, methods)
        internal = self._is_internal(exchange)
        if methods is WRITE and not internal:
            self._limit(exchange)
        return await handle(exchange, internal)

    def _paths(
        self, paths: protocol_v2.Routes, model: ServedModel, mirror: MirrorSender
    ) -> Mapping[str, Route]:
        served = self._config.model
        about = protocol_v2.metadata(served.name, served.version, model.schema, model.signature)
        outputs = [output["name"] for output in about["outputs"]]
        calls = Calls(self._config, model, self._telemetry, mirror, outputs=outputs)
        version = {"model": served.name, "version": served.version, "mlflow": mlflow.__version__}
        server = {"name": "bluewater", "version": "2", "extensions": []}
        return {
            "/invocations": (WRITE, calls.invoke),
            **dict.fromkeys(paths.infer, (WRITE, calls.infer)),
            "/outcomes": (WRITE, calls.outcome),
            "/version": (READ, _always(version)),
            "/v2": (READ, _always(server)),
            **dict.fromkeys(paths.about, (READ, _always(about))),
            "/metrics": (READ, self._figures),
        }

    def _watch(self, model: ServedModel, mirror: MirrorSender) -> None:
        watch, captures = self._telemetry.metrics.watch, self._telemetry.captures
        watch("bluewater_in_flight", "Requests in flight.", lambda: model.in_flight)
        watch("bluewater_captures_dropped", "Captures lost.", lambda: captures.dropped)
        watch("bluewater_copies_sent", "Copies that were answered.", lambda: mirror.sent)
        watch("bluewater_copies_dropped", "Copies that were not.", lambda: mirror.dropped)

    def _live(self) -> Answer:
        return 200, {"live": True}

    def _ready(self) -> Answer:
        return (503, {"ready": False}) if self.draining else (200, {"ready": True})

    async def _figures(self, exchange: Exchange, internal: bool) -> Answer:
        return 200, self._telemetry.metrics.text()

    def _is_internal(self, exchange: Exchange) -> bool:
        given = exchange.header(MIRRORED)
        return bool(self._internal and given) and hmac.compare_digest(given, self._internal)

    def _authorize(self, exchange: Exchange) -> None:
        if not self._token:
            return
        given = exchange.header("authorization")
        if not hmac.compare_digest(given, b"Bearer " + self._token):
            raise Refused(
                401,
                "TOKEN",
                "the bearer token is missing or wrong",
                field="authorization",
                remedy="send the header Authorization: Bearer <token>",
            )

    def _limit(self, exchange: Exchange) -> None:
        if self._buckets is not None and (wait := self._buckets.take(exchange.caller)):
            rate = self._config.serving.requests_per_second
            message = f"more than {rate:g} requests a second"
            raise Refused(429, "RATE", message, remedy="send fewer a second", retry_after=wait)


def _require(exchange: Exchange, methods: Sequence[str]) -> None:
    if exchange.method not in methods:
        message = f"{exchange.method} is not answered here"
        raise Refused(405, "METHOD", message, remedy=f"use {' or '.join(methods)}")


def _advice(refused: Refused) -> list[Header]:
    """Return the headers that say the same as the refusal's remedy."""
    if refused.retry_after is not None:
        return [(b"retry-after", str(max(1, math.ceil(refused.retry_after))).encode())]
    if refused.code == "TOKEN":
        return [(b"www-authenticate", b"Bearer")]
    if refused.code == "METHOD":
        return [(b"allow", refused.remedy.removeprefix("use ").replace(" or ", ", ").encode())]
    return []


def _json(content: Any) -> bytes:
    try:
        return orjson.dumps(content, default=str, option=OPTIONS)
    except orjson.JSONEncodeError:  # a whole number of more than 64 bits, say
        return json.dumps(content, default=str).encode()


def _always(content: Any) -> Callable[[Exchange, bool], Awaitable[Answer]]:
    async def handle(exchange: Exchange, internal: bool) -> Answer:
        return 200, content

    return handle


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
