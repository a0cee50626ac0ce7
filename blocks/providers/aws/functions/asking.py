"""One request to a function, and what its answer means."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import Prediction
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.functions.event import HttpRequest, from_answer, to_event
from blocks.serving.config import MIRRORED, VARIANT

# What Lambda says itself, in place of the function, and the status that it means to a caller.
_REFUSED = {
    "TooManyRequestsException": 429,
    "RequestTooLargeException": 413,
    "ResourceConflictException": 503,  # it is pending
    "ServiceException": 503,
}
_FAILED = 502  # the function broke off


def ask(
    client: Any, function: str, qualifier: str, body: bytes, *, token: str, internal: str = ""
) -> Prediction:
    """Ask a version, or what an alias names, for its predictions. Raises ClientError.

    ``internal`` is a version's own word, by which it knows that no caller sees its answer.
    """
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if internal:
        headers[MIRRORED] = internal
    request = HttpRequest(method="POST", path="/invocations", headers=headers, body=body)
    begun = time.perf_counter()
    try:
        answer = client.invoke(
            FunctionName=function, Qualifier=qualifier, Payload=to_event(request)
        )
        content = answer["Payload"].read()
    except ClientError as error:
        status = _REFUSED.get(code_of(error))
        if status is None:
            raise
        message = error.response["Error"].get("Message", "")
        refusal = {"error": {"code": code_of(error), "message": message}}
        return _prediction(status, refusal, begun)
    if "FunctionError" in answer:
        return _prediction(_FAILED, {"error": json.loads(content)}, begun)
    told = from_answer(content)
    variant = told.headers.get(VARIANT, "")
    return _prediction(told.status, json.loads(told.body), begun, variant)


def _prediction(status: int, body: Any, begun: float, variant: str = "") -> Prediction:
    return Prediction(
        status=status, variant=variant, body=body, seconds=time.perf_counter() - begun
    )
