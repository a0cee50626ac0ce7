"""Requests as events: the format of function URLs and of API Gateway's HTTP APIs, version 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request out of an event."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer on its way back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def to_event(request: HttpRequest) -> bytes:
    """Return the event of a request."""
    event = {
        "version": "2.0",
        "rawPath": request.path,
        "rawQueryString": "",
        "headers": dict(request.headers),
        "requestContext": {"http": {"method": request.method, "path": request.path}},
        "body": base64.b64encode(request.body).decode(),
        "isBase64Encoded": True,
    }
    return json.dumps(event).encode()


def from_event(content: bytes) -> HttpRequest:
    """Return the request of an event. Raises ValueError for anything else."""
    try:
        event = json.loads(content)
        body = event.get("body") or ""
        raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        return HttpRequest(
            method=event["requestContext"]["http"]["method"],
            path=event["rawPath"],
            headers={name.lower(): value for name, value in event.get("headers", {}).items()},
            body=raw,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "an event of a function URL or of an HTTP API is expected, format 2.0"
        ) from error


def to_answer(answer: HttpAnswer) -> bytes:
    """Return what a function answers."""
    told: dict[str, Any] = {
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body.decode(errors="replace"),
        "isBase64Encoded": False,
    }
    return json.dumps(told).encode()


def from_answer(content: bytes) -> HttpAnswer:
    """Return the answer of a function."""
    told = json.loads(content)
    return HttpAnswer(
        status=told["statusCode"], headers=told.get("headers", {}), body=told["body"].encode()
    )
