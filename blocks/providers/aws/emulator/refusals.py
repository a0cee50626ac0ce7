"""What the emulated cloud answers when it says no, in the words of the protocol that asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


class AwsError(Exception):
    """A refusal: the code and the words that the real service uses."""

    def __init__(
        self, code: str, message: str, status: int = 400, **details: str | int | None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.details = code, message, status, details


def refused(error: AwsError, protocol: str, request_id: str) -> Response:
    """Return the error as clients of ``json``, ``query``, ``ec2`` and their like read it."""
    if protocol in ("query", "rest-xml", "ec2"):
        body, kind = _xml(error, request_id, protocol), "text/xml"
    else:
        body, kind = _json(error), "application/x-amz-json-1.1"
    headers = {"x-amzn-ErrorType": error.code, "x-amzn-RequestId": request_id}
    return Response(body, status=error.status, content_type=kind, headers=headers)


def _json(error: AwsError) -> str:
    told: Mapping[str, object] = {
        "__type": error.code,
        "Code": error.code,
        "message": error.message,
        "Message": error.message,
        **error.details,
    }
    return json.dumps(told)


def _xml(error: AwsError, request_id: str, protocol: str) -> str:
    inside = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if protocol == "rest-xml":  # S3 has no envelope
        return f"<Error>{inside}<RequestId>{request_id}</RequestId></Error>"
    if protocol == "ec2":
        listed = f"<Errors><Error>{inside}</Error></Errors>"
        return f"<Response>{listed}<RequestID>{request_id}</RequestID></Response>"
    return (
        f"<ErrorResponse><Error><Type>Sender</Type>{inside}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
