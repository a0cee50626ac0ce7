"""The side of Lambda that a container asks for work.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass

_PATH = "/2018-06-01/runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event to be answered."""

    id: str
    content: bytes


class RuntimeApi:
    """Speaks to the address that Lambda puts into ``AWS_LAMBDA_RUNTIME_API``."""

    def __init__(self, address: str) -> None:
        self._address = address

    def next(self) -> Event:
        """Wait for the next event, however long it takes."""
        connection = http.client.HTTPConnection(self._address)
        try:
            connection.request("GET", f"{_PATH}/invocation/next")
            answer = connection.getresponse()
            id_ = answer.headers["Lambda-Runtime-Aws-Request-Id"]
            return Event(id=id_ or "", content=answer.read())
        finally:
            connection.close()

    def answer(self, event: Event, content: bytes) -> None:
        """Answer an event."""
        self._post(f"invocation/{event.id}/response", content)

    def fail(self, event: Event, error: Exception) -> None:
        """Say that an event could not be answered."""
        self._post(f"invocation/{event.id}/error", _error(error))

    def fail_to_start(self, error: Exception) -> None:
        """Say that there will be no answers at all."""
        self._post("init/error", _error(error))

    def _post(self, path: str, content: bytes) -> None:
        connection = http.client.HTTPConnection(self._address)
        try:
            connection.request("POST", f"{_PATH}/{path}", body=content)
            connection.getresponse().read()
        finally:
            connection.close()


def _error(error: Exception) -> bytes:
    told = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
    return json.dumps(told).encode()
