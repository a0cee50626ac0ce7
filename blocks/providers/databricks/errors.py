"""What Databricks' errors mean to the caller. Codes are matched, never words."""

from __future__ import annotations

from datetime import timedelta

import requests
from databricks.sdk import errors as sdk
from databricks.sdk.errors.base import DatabricksError

from blocks.contracts import (
    Conflict,
    Denied,
    InvalidRequest,
    NoCapacity,
    NotFound,
    ProviderError,
    QuotaExceeded,
    Throttled,
    Unavailable,
    Unsupported,
)

_CODES: dict[str, type[ProviderError]] = {
    **dict.fromkeys(("CUSTOMER_UNAUTHORIZED", "INVALID_TOKEN", "SCIM_403"), Denied),
    **dict.fromkeys(("ENDPOINT_NOT_FOUND", "FEATURE_DISABLED", "NOT_IMPLEMENTED"), Unsupported),
    **dict.fromkeys(("INVALID_STATE", "PRECONDITION_FAILED", "RESOURCE_CONFLICT"), Conflict),
    **dict.fromkeys(
        ("QUOTA_EXCEEDED", "RESOURCE_LIMIT_EXCEEDED", "WORKSPACE_RUN_LIMIT_EXCEEDED"),
        QuotaExceeded,
    ),
    **dict.fromkeys(("CLOUD_PROVIDER_RESOURCE_STOCKOUT",), NoCapacity),
    **dict.fromkeys(("TEMPORARILY_UNAVAILABLE", "WORKSPACE_TEMPORARILY_UNAVAILABLE"), Unavailable),
}
"""Codes whose kind of the SDK says less than they do."""

_KINDS: tuple[tuple[type[DatabricksError], type[ProviderError]], ...] = (
    (sdk.PermissionDenied, Denied),
    (sdk.Unauthenticated, Denied),
    (sdk.NotFound, NotFound),  # and RESOURCE_DOES_NOT_EXIST
    (sdk.ResourceConflict, Conflict),  # and what exists already
    (sdk.TooManyRequests, Throttled),
    (sdk.TemporarilyUnavailable, Unavailable),
    (sdk.DeadlineExceeded, Unavailable),
    (sdk.InternalError, Unavailable),
    (sdk.NotImplemented, Unsupported),
    (sdk.BadRequest, InvalidRequest),
)


def explain(error: Exception) -> ProviderError | None:
    """Return our error for one of the SDK's, or None if it is not the SDK's."""
    if isinstance(error, TimeoutError) and error.__cause__ is not None:
        cause = error.__cause__  # the SDK's patience was at its end
        return explain(cause) if isinstance(cause, Exception) else None
    if isinstance(error, DatabricksError):
        kind = meaning_of(error)
        after = getattr(error, "retry_after_secs", None)
        wait = None if after is None else timedelta(seconds=int(after))
        return None if kind is None else kind(str(error), code=code_of(error), retry_after=wait)
    if isinstance(error, requests.RequestException):
        return Unavailable(str(error), code=type(error).__name__)
    return None


def code_of(error: Exception) -> str:
    """Return the code of an answer that says no; of one without, the SDK's name for it."""
    return str(getattr(error, "error_code", None) or type(error).__name__)


def is_missing(error: Exception) -> bool:
    """Whether Databricks says that there is no such thing."""
    return isinstance(error, DatabricksError) and meaning_of(error) is NotFound


def meaning_of(error: DatabricksError) -> type[ProviderError] | None:
    """Sort an answer by its code, and by the SDK's kind where nobody knows the code."""
    known = _CODES.get(str(error.error_code))
    return known or next((ours for theirs, ours in _KINDS if isinstance(error, theirs)), None)
