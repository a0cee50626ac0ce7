"""Long-running operations of Vertex AI, looked at now and then: nothing waits for their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, from_grpc_status

from blocks.providers.gcp.account import READS
from blocks.providers.gcp.errors import PASSING

_LOOKS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # seconds between looks, to begin with


def operation(client: Any, name: str) -> Any:
    """Return an operation as it is now. Raises NotFound for one that is forgotten."""
    return client.get_operation({"name": name}, **READS)


def error_of(found: Any) -> GoogleAPICallError | None:
    """Return what an operation that is over failed with; None if it went well."""
    if not found.HasField("error"):
        return None
    return from_grpc_status(found.error.code, found.error.message)


def goes_on(client: Any, resource: str) -> bool:
    """Whether something is being done to a resource now."""
    found = client.list_operations({"name": resource}, **READS)
    return any(not each.done for each in found.operations)


def awaited(client: Any, name: str, *, within: float) -> Any:
    """Look at an operation until it is over, or for so many seconds; return it as it is then."""
    end, pauses = time.monotonic() + within, list(_LOOKS)
    while True:
        found = operation(client, name)
        pause = pauses.pop(0) if len(pauses) > 1 else pauses[0]
        if found.done or time.monotonic() + pause > end:
            return found
        time.sleep(pause)


def begun(create: Callable[[], Any]) -> str:
    """Return the name of the operation that a call begins."""
    return str(create().operation.name)


UNCERTAIN = PASSING
"""Errors after which it is not known whether a call did its work."""
