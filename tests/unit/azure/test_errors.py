"""What Azure's errors mean to the caller."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import CredentialUnavailableError

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
from blocks.providers.azure.errors import explain


class Answer:
    """What the SDK keeps of an HTTP answer."""

    def __init__(self, status: int, code: str, headers: dict[str, str]) -> None:
        self.status_code, self.reason, self.headers = status, "words", headers
        self._text = json.dumps({"error": {"code": code, "message": "words"}})

    def text(self, encoding: str | None = None) -> str:
        return self._text


def answered(
    code: str, status: int = 400, headers: dict[str, str] | None = None, **kinds: Any
) -> HttpResponseError:
    kind = kinds.get("kind", HttpResponseError)
    error: HttpResponseError = kind(response=Answer(status, code, headers or {}))
    assert isinstance(error.error, ODataV4Format)
    return error


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AuthorizationFailed", 403, Denied),
        ("ExpiredAuthenticationToken", 401, Denied),
        ("ResourceNotFound", 404, NotFound),
        ("UserError", 404, NotFound),
        ("UserError", 409, Conflict),
        ("Conflict", 409, Conflict),
        ("ConditionNotMet", 412, Conflict),
        ("OutOfQuota", 400, QuotaExceeded),
        ("OutOfCapacity", 200, NoCapacity),
        ("TooManyRequests", 429, Throttled),
        ("ServerBusy", 503, Throttled),
        ("InternalServerError", 500, Unavailable),
        ("UserError", 400, InvalidRequest),
        ("InvalidResourceType", 501, Unsupported),
    ],
)
def test_a_code_means_what_to_do_next(code: str, status: int, kind: type[ProviderError]) -> None:
    """An operation that failed is told with status 200: the code says all."""
    known = explain(answered(code, status))
    assert type(known) is kind
    assert known.code == code


def test_an_unknown_code_means_what_its_status_says() -> None:
    assert type(explain(answered("BrandNew", 502))) is Unavailable
    assert type(explain(answered("BrandNew", 403))) is Denied
    assert type(explain(answered("BrandNew", 429))) is Throttled
    assert explain(answered("BrandNew", 418)) is None
    assert explain(ValueError("not of Azure")) is None


def test_how_long_to_wait_is_told_where_the_service_tells_it() -> None:
    for headers, wanted in (
        ({"Retry-After": "7"}, timedelta(seconds=7)),
        ({"retry-after-ms": "250"}, timedelta(milliseconds=250)),
        ({"Retry-After": "soon"}, None),
    ):
        known = explain(answered("TooManyRequests", 429, headers))
        assert known is not None
        assert known.retry_after == wanted


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CredentialUnavailableError("nobody signed in"), Denied),
        (ClientAuthenticationError("wrong secret"), Denied),
        (ResourceNotFoundError("gone"), NotFound),
        (ServiceRequestError("no route"), Unavailable),
        (ServiceResponseError("cut"), Unavailable),
    ],
)
def test_what_goes_wrong_without_a_code_is_sorted_too(
    error: Exception, kind: type[ProviderError]
) -> None:
    assert type(explain(error)) is kind
