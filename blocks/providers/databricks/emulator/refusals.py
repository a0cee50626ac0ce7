"""What the emulated workspace answers when it says no, in Databricks' own words."""

from __future__ import annotations

import json
from collections.abc import Mapping

from werkzeug.wrappers import Response


class Refused(Exception):
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

    def response(self, request_id: str) -> Response:
        """Return the answer as the SDK reads it."""
        details = [
            {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": request_id}
        ]
        told = {"error_code": self.code, "message": self.message, "details": details}
        return Response(
            json.dumps(told),
            status=self.status,
            content_type="application/json",
            headers=self.headers,
        )


def missing(message: str) -> Refused:
    """Return what is said of a thing that is not there."""
    return Refused("RESOURCE_DOES_NOT_EXIST", message, 404)


def invalid(message: str) -> Refused:
    """Return what is said to a request that is wrong."""
    return Refused("INVALID_PARAMETER_VALUE", message, 400)
