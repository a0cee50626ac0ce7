"""What Google's errors mean to the caller. Status codes and details are matched, never words."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth
from google.rpc import code_pb2, error_details_pb2

from blocks.contracts import (
    Conflict,
    Denied,
    InvalidRequest,
    NotFound,
    ProviderError,
    QuotaExceeded,
    Throttled,
    Unavailable,
    Unsupported,
)

PASSING = (
    exceptions.ServiceUnavailable,
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.DeadlineExceeded,
    exceptions.BadGateway,
)
"""Errors after which a call that may be repeated is made again."""

_CODES: dict[str, type[ProviderError]] = {
    "INVALID_ARGUMENT": InvalidRequest,
    "FAILED_PRECONDITION": Conflict,
    "OUT_OF_RANGE": InvalidRequest,
    "UNAUTHENTICATED": Denied,
    "PERMISSION_DENIED": Denied,
    "NOT_FOUND": NotFound,
    "ABORTED": Conflict,
    "ALREADY_EXISTS": Conflict,
    "UNIMPLEMENTED": Unsupported,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "INTERNAL": Unavailable,
    "CANCELLED": Unavailable,
    "UNKNOWN": Unavailable,
}
_STATUSES: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "UNAVAILABLE",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    416: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    504: "DEADLINE_EXCEEDED",
}
_TOO_OFTEN = frozenset({"RATE_LIMIT_EXCEEDED", "rateLimitExceeded"})


def explain(error: Exception) -> ProviderError | None:
    """Return our error for one of Google's, or None if it is not Google's."""
    if isinstance(error, exceptions.GoogleAPICallError):
        return _answered(error)
    if isinstance(error, auth.TransportError):
        return Unavailable(str(error), code="TRANSPORT")
    if isinstance(error, auth.RefreshError) and (told := _told_by_iam(error)) is not None:
        return told
    if isinstance(error, auth.GoogleAuthError):
        return Denied(
            f"{error}; see https://cloud.google.com/docs/authentication/application-default-"
            "credentials",
            code=type(error).__name__,
        )
    if isinstance(error, exceptions.RetryError):
        cause = error.cause
        return (explain(cause) if isinstance(cause, Exception) else None) or Unavailable(str(error))
    unreachable = isinstance(error, (requests.RequestException, ConnectionError))
    return Unavailable(str(error)) if unreachable else None


def code_of(error: exceptions.GoogleAPICallError) -> str:
    """Return the status code of an error, as gRPC names it, also where HTTP told it."""
    if error.grpc_status_code is not None:
        return str(error.grpc_status_code.name)
    status = int(error.code or 0)
    return _STATUSES.get(status) or ("INTERNAL" if status >= 500 else "")


def is_quota(details: Any) -> bool:
    """Whether a refusal for want of something names a limit of the account."""
    return any(isinstance(each, error_details_pb2.QuotaFailure) for each in details)


def name_of(code: int) -> str:
    """Return the name of a status code that a job or an operation ended with."""
    return code_pb2.Code.Name(code) if code in code_pb2.Code.values() else str(code)


def refusal(code: str, message: str, details: Any = ()) -> ProviderError | None:
    """Return our error for a status, as an operation or a call ended with it."""
    if code == "RESOURCE_EXHAUSTED":
        kind = _exhausted(details)
        return kind(message, code=code, retry_after=_after(details))
    known = _CODES.get(code)
    return None if known is None else known(message, code=code, retry_after=_after(details))


def _told_by_iam(error: auth.RefreshError) -> ProviderError | None:
    """Return what IAM answered when it was asked for a token; None if it did not tell."""
    try:
        told = json.loads(error.args[1])["error"]
        return refusal(str(told["status"]), str(told["message"]))
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _answered(error: exceptions.GoogleAPICallError) -> ProviderError | None:
    return refusal(code_of(error), str(error.message), [*error.details, *_reasons(error)])


def _exhausted(details: Any) -> type[ProviderError]:
    """Tell too many calls from too little quota; a bare refusal is worth another try."""
    reasons = {getattr(each, "reason", "") for each in details}
    if is_quota(details) and not reasons & _TOO_OFTEN:
        return QuotaExceeded
    return Throttled


def _reasons(error: exceptions.GoogleAPICallError) -> list[error_details_pb2.ErrorInfo]:
    """Return the reasons that Google's JSON APIs tell, in the form of gRPC's."""
    told = [each for each in error.errors if isinstance(each, dict)]
    return [error_details_pb2.ErrorInfo(reason=str(each.get("reason", ""))) for each in told]


def _after(details: Any) -> timedelta | None:
    for each in details:
        if isinstance(each, error_details_pb2.RetryInfo):
            return timedelta(seconds=each.retry_delay.seconds)
    return None
