"""The server's routes: MLflow's ``/invocations`` and the Open Inference Protocol, version 2.

A bare ASGI application: a framework would cost several times what a small model does.
"""

from __future__ import annotations

import hmac
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import orjson
import pandas as pd

from blocks.serving import protocol_v2
from blocks.serving.config import (
    ENDPOINT_TOKEN,
    INTERNAL_TOKEN,
    MIRRORED,
    REQUEST_ID,
    ServerConfig,
)
from blocks.serving.mirror import MirrorSender
from blocks.serving.model import ServedModel
from blocks.serving.schema import Refused
from blocks.serving.telemetry import Captured, Telemetry

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[str, str]

JSON = (b"content-type", b"application/json")


class App:
    """One replica as an ASGI application."""

    def __init__(
        self, config: ServerConfig, model: ServedModel, telemetry: Telemetry, mirror: MirrorSender
    ) -> None:
        self._config, self._model = config, model
        self._telemetry, self._mirror = telemetry, mirror
        self._token = os.environ.get(ENDPOINT_TOKEN, "")
        self._internal = os.environ.get(INTERNAL_TOKEN, "")
        self.draining = False
        served = config.model
        self._about = [
            (b"x-bluewater-variant", config.variant.encode()),
            (b"x-bluewater-version", served.version.encode()),
        ]
        self._v2 = protocol_v2.routes(served.name, served.version)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        headers = {key.decode("latin1"): value.decode("latin1") for key, value in scope["headers"]}
        request_id = headers.get(REQUEST_ID) or uuid.uuid4().hex
        try:
            status, body = await self._route(scope, headers, request_id, receive)
        except Refused as refused:
            status, body = refused.status, refused.body()
        await self._answer(send, scope["method"], status, body, request_id)
        return None

    async def _route(
        self, scope: Scope, headers: Headers, request_id: str, receive: Receive
    ) -> tuple[int, Any]:
        path, method = scope["path"], scope["method"]
        if path in {"/live", "/ping", "/health", "/v2/health/live"}:
            return 200, {"live": True}
        if path in {"/ready", "/v2/health/ready"} or path in self._v2.ready:
            return (503, {"ready": False}) if self.draining else (200, {"ready": True})
        self._authorize(headers)
        if path == "/invocations":
            return await self._invoke(method, headers, request_id, receive)
        if path in self._v2.infer:
            return await self._infer(method, headers, request_id, receive)
        if path == "/outcomes":
            return await self._outcome(method, headers, receive)
        return 200, self._description(path)

    def _description(self, path: str) -> Any:
        served = self._config.model
        if path in self._v2.about:
            return protocol_v2.metadata(served.name, served.version, self._model.signature)
        if path == "/v2":
            return {"name": "bluewater", "version": "2", "extensions": []}
        if path == "/version":
            return {"model": served.name, "version": served.version}
        raise Refused(404, "PATH", f"there is no {path} here", remedy="POST to /invocations")

    def _authorize(self, headers: Headers) -> None:
        if not self._token:
            return
        given = headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise Refused(
                401,
                "TOKEN",
                "the bearer token is missing or wrong",
                field="authorization",
                remedy="send the header Authorization: Bearer <token>",
            )

    async def _invoke(
        self, method: str, headers: Headers, request_id: str, receive: Receive
    ) -> tuple[int, Any]:
        body = await self._body(method, headers, receive)
        frame = self._model.schema.frame(body)
        predictions = await self._predict(frame, headers, request_id)
        if not headers.get(MIRRORED):
            self._mirror.offer(body, headers.get("content-type", ""), request_id)
        return 200, {"predictions": predictions}

    async def _infer(
        self, method: str, headers: Headers, request_id: str, receive: Receive
    ) -> tuple[int, Any]:
        body = await self._body(method, headers, receive)
        columns, given_id = protocol_v2.parse(body)
        frame = self._model.schema.of_columns(columns)
        predictions = await self._predict(frame, headers, given_id or request_id)
        served = self._config.model
        return 200, protocol_v2.answer(
            served.name, served.version, predictions, given_id or request_id
        )

    async def _outcome(self, method: str, headers: Headers, receive: Receive) -> tuple[int, Any]:
        """Count a business event (``{"event": "bought"}``) for this variant."""
        content = orjson.loads(await self._body(method, headers, receive) or b"{}")
        event = content.get("event") if isinstance(content, dict) else None
        if not isinstance(event, str) or not event:
            raise Refused(400, "EVENT", "no event is named", field="event", remedy="send a text")
        self._telemetry.outcome(event)
        return 200, {"counted": event}

    async def _predict(
        self, frame: pd.DataFrame, headers: Headers, request_id: str
    ) -> Sequence[Any]:
        """Ask the model, and count and keep what came of it. 4xx never gets here."""
        mirrored = bool(self._internal) and headers.get(MIRRORED) == self._internal
        user = headers.get(self._config.serving.user_header.lower(), "")
        begun, predictions, status = time.perf_counter(), [], 500
        try:
            predictions = list(await self._model.predict(frame))
            status = 200
        except Refused as refused:
            status = refused.status
            raise
        except Exception as error:
            log.exception("the model failed")
            message = f"the model failed: {type(error).__name__}"
            raise Refused(500, "MODEL", message, remedy="ask the owner of the model") from error
        finally:
            seconds = time.perf_counter() - begun
            self._telemetry.count(
                seconds=seconds,
                error=status >= 500,
                mirrored=mirrored,
                user=user,
                predictions=predictions,
            )
            if predictions and self._sampled(request_id):
                self._telemetry.keep(
                    Captured(
                        at=time.time(),
                        request_id=request_id,
                        mirrored=mirrored,
                        status=status,
                        seconds=seconds,
                        user=user,
                        rows=frame,
                        predictions=predictions,
                    )
                )
        return predictions

    def _sampled(self, request_id: str) -> bool:
        """Whether to keep this request: the same answer for a request and its copies."""
        share = self._config.capture.sample
        return share >= 1 or (hash_share(request_id) < share if share else False)

    async def _body(self, method: str, headers: Headers, receive: Receive) -> bytes:
        if method != "POST":
            raise Refused(405, "METHOD", f"{method} is not answered here", remedy="use POST")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {"application/json", ""}:
            raise Refused(
                415,
                "CONTENT_TYPE",
                f"{kind!r} is not understood",
                field="content-type",
                remedy="send application/json",
            )
        limit = self._config.serving.max_payload_bytes
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "DISCONNECTED", "the caller went away")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise _too_large(limit)
            more = message.get("more_body", False)
        return b"".join(parts)

    async def _answer(
        self, send: Send, method: str, status: int, body: Any, request_id: str
    ) -> None:
        content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        headers = [JSON, *self._about, (REQUEST_ID.encode(), request_id.encode("latin1"))]
        headers.append((b"content-length", str(len(content)).encode()))
        if status in {429, 503}:
            headers.append((b"retry-after", b"1"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        sent = b"" if method == "HEAD" else content
        await send({"type": "http.response.body", "body": sent})


def hash_share(text: str) -> float:
    """Return a number in 0..1 that is the same for the same text in every process."""
    return uuid.uuid5(uuid.NAMESPACE_OID, text).int / 2**128


def _too_large(limit: int) -> Refused:
    return Refused(
        413, "TOO_LARGE", f"the body is over {limit} bytes", remedy="send fewer rows at once"
    )


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
