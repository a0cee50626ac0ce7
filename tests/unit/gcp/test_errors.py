"""Google's errors, sorted by what the caller does next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

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
from blocks.providers.gcp.errors import explain

RATE = error_details_pb2.ErrorInfo(reason="RATE_LIMIT_EXCEEDED", domain="googleapis.com")
LIMIT = error_details_pb2.QuotaFailure(
    violations=[error_details_pb2.QuotaFailure.Violation(subject="cpus")]
)
LATER = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=7))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.InvalidArgument("no"), InvalidRequest),
        (exceptions.FailedPrecondition("no"), Conflict),
        (exceptions.PreconditionFailed("no"), Conflict),
        (exceptions.Unauthenticated("no"), Denied),
        (exceptions.PermissionDenied("no"), Denied),
        (exceptions.Forbidden("no"), Denied),
        (exceptions.NotFound("no"), NotFound),
        (exceptions.Aborted("no"), Conflict),
        (exceptions.AlreadyExists("no"), Conflict),
        (exceptions.Conflict("no"), Conflict),
        (exceptions.MethodNotImplemented("no"), Unsupported),
        (exceptions.ServiceUnavailable("no"), Unavailable),
        (exceptions.DeadlineExceeded("no"), Unavailable),
        (exceptions.InternalServerError("no"), Unavailable),
        (exceptions.BadGateway("no"), Unavailable),
        (exceptions.TooManyRequests("no"), Throttled),
        (exceptions.RetryError("no", exceptions.TooManyRequests("no")), Throttled),
        (auth.RefreshError("no"), Denied),
        (auth.DefaultCredentialsError("no"), Denied),
        (auth.TransportError("no"), Unavailable),
        (requests.ConnectionError("no"), Unavailable),
        (ConnectionResetError("no"), Unavailable),
    ],
)
def test_an_error_means_what_to_do_next(error: Exception, kind: type[ProviderError]) -> None:
    assert type(explain(error)) is kind


@pytest.mark.parametrize(
    ("details", "kind"),
    [((), Throttled), ((RATE,), Throttled), ((LIMIT,), QuotaExceeded), ((RATE, LIMIT), Throttled)],
)
def test_too_many_calls_are_told_from_too_little_quota(
    details: tuple[Any, ...], kind: type[ProviderError]
) -> None:
    known = explain(exceptions.ResourceExhausted("no", details=details))
    assert type(known) is kind
    assert known.code == "RESOURCE_EXHAUSTED"


def test_how_long_to_wait_is_told_where_the_service_tells_it() -> None:
    known = explain(exceptions.ResourceExhausted("no", details=(LATER,)))
    assert known is not None
    assert known.retry_after == timedelta(seconds=7)


def test_what_is_not_googles_is_not_explained() -> None:
    assert explain(KeyError("no")) is None
    assert explain(exceptions.GoogleAPICallError("who knows")) is None
