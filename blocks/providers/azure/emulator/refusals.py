"""What the emulated cloud answers when it says no, in the words of the service that was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


class AzureError(Exception):
    """A refusal: the code and the words that the real service uses."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.headers = dict(headers or {})


def refused(error: AzureError, service: str, request_id: str) -> Response:
    """Return the error as clients of that service read it."""
    headers = {"x-ms-request-id": request_id, **error.headers}
    if service == "blob":
        headers["x-ms-error-code"] = error.code
        return Response(
            _xml(error), status=error.status, content_type="application/xml", headers=headers
        )
    told = _oauth(error) if service == "login" else _arm(error, request_id)
    return Response(
        json.dumps(told), status=error.status, content_type="application/json", headers=headers
    )


def _arm(error: AzureError, request_id: str) -> dict[str, object]:
    component = {"type": "ComponentName", "info": {"value": "managementfrontend"}}
    correlation = {"type": "Correlation", "info": {"value": {"operation": request_id}}}
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "target": None,
            "details": [],
            "additionalInfo": [component, correlation],
        }
    }


def _oauth(error: AzureError) -> dict[str, object]:
    return {"error": error.code, "error_description": error.message, "error_codes": []}


def _xml(error: AzureError) -> str:
    inside = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    return f'<?xml version="1.0" encoding="utf-8"?><Error>{inside}</Error>'
