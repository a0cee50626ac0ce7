"""The receiver's HTTP side: checks who speaks, translates, and hands the events to Prefect.

A sender gets its 200 only when Prefect has the events; else it tells us again later.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from deployments.receiver.notices import SENDERS, Notice, NotUnderstood, read
from deployments.receiver.proofs import knows, signed_by_mlflow
from deployments.receiver.pubsub import KeysUnreachable, Pushes
from deployments.receiver.sns import Topics

LARGEST = 1 << 20  # bytes; SNS, EventBridge and Event Grid send less
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
log = logging.getLogger("bluewater.receiver")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefectEvents:
    """Prefect's API for events, plainly over HTTP: importing Prefect would cost 90 MB here."""

    client: httpx.Client

    @classmethod
    def of_environment(cls) -> PrefectEvents:
        """Return the one that PREFECT_API_URL, PREFECT_API_AUTH_STRING or _KEY name."""
        user, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
        key = os.environ.get("PREFECT_API_KEY")
        client = httpx.Client(
            base_url=os.environ["PREFECT_API_URL"],
            auth=(user, password) if user else None,
            headers={"authorization": f"Bearer {key}"} if key else None,
            timeout=10,
        )
        return cls(client=client)

    def emit(self, notices: Sequence[Notice]) -> None:
        """Hand events over. Raises httpx.HTTPError if Prefect does not take them."""
        if notices:
            content = [notice.model_dump(mode="json") for notice in notices]
            self.client.post("/events", json=content).raise_for_status()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What a sender may show: the secret, or what a cloud says of it."""

    secret: str
    topics: Topics | None = None
    pushes: Pushes | None = None

    def shown(self, sender: str, request: Request, body: bytes) -> bool:
        """Whether this sender may tell us. Raises httpx.HTTPError, KeysUnreachable: not known."""
        headers = request.headers
        if sender == "mlflow":
            now = datetime.now(UTC)
            return signed_by_mlflow(self.secret, headers=headers, body=body, now=now)
        if knows(self.secret, headers=headers, query=request.query_params):
            return True
        if sender == "s3" and self.topics is not None:
            return self.topics.believes(body)
        return sender == "gcs" and self.pushes is not None and self.pushes.believes(headers)

    def confirms(self, sender: str, body: bytes) -> bool:
        """Confirm a subscription to one of our topics; say whether this asked for one."""
        ours = sender == "s3" and self.topics is not None and self.topics.believes(body)
        return ours and self.topics is not None and self.topics.confirm(body)


def make_app(proofs: Proofs, prefect: PrefectEvents) -> FastAPI:
    """Return the receiver: ``POST /<sender>``, and ``GET /health`` for whoever looks after it."""
    app = FastAPI(title="bluewater receiver", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.options("/event-grid")
    def handshake(request: Request) -> Response:
        """Say that CloudEvents may come: https://github.com/cloudevents/spec, HTTP webhooks."""
        if not knows(proofs.secret, headers=request.headers, query=request.query_params):
            return Response(status_code=401)
        origin = request.headers.get("webhook-request-origin", "")
        return Response(headers={"webhook-allowed-origin": origin})

    @app.post("/{sender}")
    async def receive(sender: str, request: Request) -> Response:
        if sender not in SENDERS:
            return JSONResponse({"detail": f"senders are {', '.join(SENDERS)}"}, 404)
        if int(request.headers.get("content-length") or LARGEST + 1) > LARGEST:
            return JSONResponse({"detail": f"at most {LARGEST} bytes, with their length"}, 413)
        body = await request.body()
        return await run_in_threadpool(_received, proofs, prefect, sender, request, body)

    return app


def _received(
    proofs: Proofs, prefect: PrefectEvents, sender: str, request: Request, body: bytes
) -> Response:
    try:
        if not proofs.shown(sender, request, body):
            return JSONResponse({"detail": "the secret is missing or wrong"}, 401)
        if sender == "event-grid" and (code := _validation(body)):
            return JSONResponse({"validationResponse": code})
        confirmed = proofs.confirms(sender, body)
        delivery = request.headers.get("x-mlflow-delivery-id", "")
        notices = [] if confirmed else read(sender, body, delivery=delivery)
        prefect.emit(notices)
    except NotUnderstood as error:
        return JSONResponse({"detail": str(error)}, 400)
    except (httpx.HTTPError, KeysUnreachable) as error:
        log.warning("cannot be passed on now: %r", error)
        return JSONResponse(
            {"detail": "somebody who is needed does not answer; tell it again"}, 503
        )
    return JSONResponse({"events": [str(notice.id) for notice in notices]})


def _validation(body: bytes) -> str | None:
    """Return the code by which Event Grid finds out that its receiver wants to be one."""
    try:
        content = json.loads(body)
        first = content[0] if isinstance(content, list) else {}
        return str(first["data"]["validationCode"]) if first["eventType"] == VALIDATION else None
    except (ValueError, KeyError, TypeError, IndexError):
        return None
