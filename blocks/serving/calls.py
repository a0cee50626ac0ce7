"""What can be asked of a replica: a prediction in either protocol, and the outcome of one."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blocks.serving import protocol_v2
from blocks.serving.bodies import CSV, decode, media_type, of_csv, of_json
from blocks.serving.config import VARIANT, ServerConfig
from blocks.serving.exchange import Exchange
from blocks.serving.mirror import Copy, MirrorSender
from blocks.serving.model import ServedModel
from blocks.serving.refused import Refused
from blocks.serving.request_ids import asked_at, plausible
from blocks.serving.schema import Rows
from blocks.serving.telemetry import Telemetry
from blocks.serving.workers import Parameters

log = logging.getLogger(__name__)

Answer = tuple[int, Any]
SAY_AGAIN = 10.0  # seconds between two accounts of a model that fails
_EVENT = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_VARIANT = re.compile(r"[a-z][a-z0-9-]{0,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request that fits the model."""

    rows: Rows
    parameters: Parameters
    size: int  # bytes of its body
    begun: float
    copy: Copy
    internal: bool  # a copy itself, or a look at one variant: not of the live traffic


class Calls:
    """Asks the model; counts, keeps and copies what came of it."""

    def __init__(
        self,
        config: ServerConfig,
        model: ServedModel,
        telemetry: Telemetry,
        mirror: MirrorSender,
        *,
        outputs: Sequence[str],
    ) -> None:
        self._config, self._model, self._outputs = config, model, outputs
        self._telemetry, self._mirror = telemetry, mirror
        self._user_header = config.serving.user_header.lower()
        self._failures, self._said = 0, -math.inf

    async def invoke(self, exchange: Exchange, internal: bool) -> Answer:
        """Answer MLflow's ``/invocations``."""
        kind = media_type(exchange.text("content-type"))
        body = await self._body(exchange)
        begun, parameters = time.perf_counter(), None
        schema = self._model.schema
        if kind == CSV:
            rows = schema.rows(of_csv(body, schema))
            parameters = self._model.parameters(None)
        else:
            content = decode(body)
            rows = schema.rows(of_json(content))
            parameters = self._model.parameters(content.get("params"))
        exchange.identify()
        question = Question(
            rows=rows,
            parameters=parameters,
            size=len(body),
            begun=begun,
            copy=self._copy(exchange, "/invocations", body),
            internal=internal,
        )
        return 200, {"predictions": await self._predict(question)}

    async def infer(self, exchange: Exchange, internal: bool) -> Answer:
        """Answer the Open Inference Protocol's ``infer``."""
        _require_json_tensors(exchange)
        body = await self._body(exchange)
        begun, served = time.perf_counter(), self._config.model
        content = decode(body)
        rows = self._model.schema.rows(protocol_v2.columns(content))
        request_id = exchange.identify(str(content.get("id", "")))
        question = Question(
            rows=rows,
            parameters=self._model.parameters(None),
            size=len(body),
            begun=begun,
            copy=self._copy(exchange, f"/v2/models/{served.name}/infer", body),
            internal=internal,
        )
        answer = await self._predict(question)
        return 200, protocol_v2.answer(
            served.name, served.version, answer, request_id, self._outputs
        )

    async def outcome(self, exchange: Exchange, internal: bool) -> Answer:
        """Count a business event of an earlier request (``request_id``) for its variant.

        A router may bring this to any variant, so the caller passes on the ``variant`` that the
        answer's header named; without it, the event counts for this one. When the request was
        asked is read from an id that tells it (see request_ids), or passed on as ``asked_at``.
        """
        media_type(exchange.text("content-type"))
        content = decode(await self._body(exchange))
        event, variant = content.get("event"), content.get("variant", self._config.variant)
        for field, value, fits, remedy in (
            ("request_id", content.get("request_id"), None, "send the answer's x-request-id"),
            ("event", event, _EVENT, "send up to 64 letters, digits, _ . : -"),
            ("variant", variant, _VARIANT, f"send the answer's {VARIANT}"),
        ):
            if not isinstance(value, str) or (fits is not None and not fits.fullmatch(value)):
                raise Refused(400, "OUTCOME", f"{field} is missing", field=field, remedy=remedy)
        asked = _asked(content)
        self._telemetry.ticks.outcome(str(event), variant=str(variant), asked=asked)
        return 200, {"counted": event, "variant": variant}

    async def _body(self, exchange: Exchange) -> bytes:
        serving = self._config.serving
        return await exchange.body(
            limit=serving.max_payload_bytes, within=serving.timeout.total_seconds()
        )

    async def _predict(self, question: Question) -> Any:
        answer, status = None, 500
        try:
            answer = await self._model.predict(question.rows, question.parameters)
            status = 200
        except Refused as refused:
            status = refused.status
            raise
        except Exception as error:
            self._say(error)
            message = f"the model failed: {type(error).__name__}"
            raise Refused(500, "MODEL", message, remedy="ask the owner of the model") from error
        finally:
            self._account(question, answer, status)
        return answer

    def _account(self, question: Question, answer: Any, status: int) -> None:
        self._telemetry.answered(
            rows=question.rows,
            answer=answer,
            status=status,
            seconds=time.perf_counter() - question.begun,
            mirrored=question.internal,
            user=question.copy.user[1] if question.copy.user else "",
            request_id=question.copy.request_id,
            size=question.size,
        )
        if not question.internal:
            self._mirror.offer(question.copy)

    def _copy(self, exchange: Exchange, path: str, body: bytes) -> Copy:
        user = exchange.text(self._user_header) if self._user_header else ""
        return Copy(
            path=path,
            body=body,
            content_type=exchange.text("content-type"),
            request_id=exchange.request_id,
            user=(self._user_header, user) if user else None,
        )

    def _say(self, error: Exception) -> None:
        """Log that the model failed, but not for every request of a model that always does."""
        self._failures += 1
        if time.monotonic() - self._said > SAY_AGAIN:
            log.error("the model failed, %d times so far", self._failures, exc_info=error)
            self._said = time.monotonic()


def _asked(content: Mapping[str, Any]) -> float | None:
    """Return when the request of an outcome was asked, if anything says it."""
    at, now = content.get("asked_at"), time.time()
    if at is None:
        return asked_at(str(content["request_id"]), now=now)
    if isinstance(at, bool) or not isinstance(at, int | float):
        remedy = "send seconds since 1970, or leave it out"
        raise Refused(400, "OUTCOME", "asked_at is no time", field="asked_at", remedy=remedy)
    return plausible(at, now=now)


def _require_json_tensors(exchange: Exchange) -> None:
    binary = "inference-header-content-length"
    if exchange.header(binary):
        message = "binary tensors are not understood"
        raise Refused(415, "CONTENT_TYPE", message, field=binary, remedy="send tensors as JSON")
    if media_type(exchange.text("content-type")) == CSV:
        message = "this protocol is JSON"
        raise Refused(415, "CONTENT_TYPE", message, field="content-type", remedy="send JSON")
