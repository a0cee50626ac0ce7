"""What SageMaker's runtime answers to a request, as a caller of the model server would see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import NotFound, Prediction
from blocks.providers.aws.errors import code_of

BUSY = "ThrottlingException"
UNANSWERED = frozenset(
    {"ServiceUnavailable", "ModelNotReadyException", "InternalDependencyException"}
)


def answered(reply: Mapping[str, Any], *, seconds: float) -> Prediction:
    """Return the answer of a model."""
    return Prediction(
        status=200,
        variant=reply.get("InvokedProductionVariant", ""),
        body=decoded(reply["Body"].read()),
        seconds=seconds,
    )


def refused(error: ClientError, *, seconds: float) -> Prediction:
    """Return what the container said when it did not answer, or that nobody did.

    SageMaker answers 424 for every refusal of a container, and puts the container's own status and
    words into the error. Raises NotFound, or the error itself if it is about something else.
    """
    code, response = code_of(error), error.response
    if code == "ModelError":
        return Prediction(
            status=int(response.get("OriginalStatusCode", 500)),
            variant="",
            body=decoded(response.get("OriginalMessage", "")),
            seconds=seconds,
        )
    if code in UNANSWERED:
        message = response["Error"].get("Message", "")
        body = {"error": {"code": code, "message": message}}
        return Prediction(status=503, variant="", body=body, seconds=seconds)
    if code == BUSY:  # a serverless endpoint answers as many at a time as it was told to
        told = {"error": {"code": code, "message": response["Error"].get("Message", "")}}
        return Prediction(status=429, variant="", body=told, seconds=seconds)
    if code == "ValidationError":
        raise NotFound(f"nobody is asked: {response['Error'].get('Message', '')}", code=code)
    raise error


def decoded(content: bytes | str) -> Any:
    """Return the JSON that somebody answered, or its text."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace") if isinstance(content, bytes) else content
