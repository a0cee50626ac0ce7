"""REST protocols with JSON: paths and members as the service's published model has them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel
from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.shapes import service

_READ: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "boolean": lambda text: text == "true",
}


def match(name: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """Return the operation that a path means, and what the path says; None if there is none."""
    for wanted, pattern, operation in _routes(name):
        if wanted == method and (found := pattern.fullmatch(path)):
            return operation, found.groupdict()
    return None


def said(model: OperationModel, request: Request, path: Mapping[str, str]) -> dict[str, Any]:
    """Return what a request says, from its path, its query, its headers and its body."""
    shape = model.input_shape
    found: dict[str, Any] = {}
    places: dict[str, Any] = {
        "uri": path,
        "querystring": request.args,
        "header": request.headers,
    }
    for name, member in (shape.members if shape else {}).items():
        place, word = member.serialization.get("location"), member.serialization.get("name", name)
        if place in places and (text := places[place].get(word)) is not None:
            found[name] = _READ.get(member.type_name, str)(text)
    payload = shape.serialization.get("payload") if shape else None
    if payload:
        return {**found, payload: request.get_data()}
    return {**_body(request), **found}


def told(model: OperationModel, answer: Mapping[str, Any]) -> Response:
    """Return an answer as the protocol has it: headers, and a payload or a JSON body."""
    shape = model.output_shape
    members = shape.members if shape else {}
    payload = shape.serialization.get("payload") if shape else None
    headers, body = {}, {}
    status = int(model.http.get("responseCode", 200))
    for name, value in answer.items():
        serialization = members[name].serialization
        if serialization.get("location") == "header":
            headers[serialization["name"]] = str(value)
        elif serialization.get("location") == "statusCode":
            status = int(value)
        elif name != payload:
            body[name] = value
    content = answer.get(payload, b"") if payload else json.dumps(body).encode()
    return Response(content, status=status, headers=headers, content_type="application/json")


@functools.cache
def _routes(name: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Return method, path and name of every operation; those with fewer variables first."""
    model = service(name)
    found = []
    for operation in model.operation_names:
        http = model.operation_model(operation).http
        path = http["requestUri"].partition("?")[0].rstrip("/") or "/"
        pattern = re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", path)
        found.append((path.count("{"), http["method"], re.compile(f"{pattern}/?"), operation))
    return [each[1:] for each in sorted(found, key=lambda each: each[0])]


def _body(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise AwsError("InvalidRequestContentException", f"not JSON: {error}") from error
    return value if isinstance(value, dict) else {}
