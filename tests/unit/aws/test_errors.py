"""What AWS's errors mean to the caller."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ProfileNotFound,
    ReadTimeoutError,
)

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
from blocks.providers.aws.errors import explain


def answered(code: str, status: int = 400, headers: dict[str, str] | None = None) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "words"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
    }
    return ClientError(response, "Call")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", Denied),
        ("ExpiredToken", Denied),
        ("NoSuchKey", NotFound),
        ("ResourceInUse", Conflict),
        ("PreconditionFailed", Conflict),
        ("ResourceLimitExceeded", QuotaExceeded),
        ("CapacityError", NoCapacity),
        ("ThrottlingException", Throttled),
        ("SlowDown", Throttled),
        ("InternalFailure", Unavailable),
        ("ValidationException", InvalidRequest),
        ("UnknownOperationException", Unsupported),
    ],
)
def test_a_code_means_what_to_do_next(code: str, kind: type[ProviderError]) -> None:
    known = explain(answered(code))
    assert type(known) is kind
    assert known.code == code


def test_an_unknown_code_is_a_passing_fault_only_if_the_status_says_so() -> None:
    assert type(explain(answered("BrandNew", 502))) is Unavailable
    assert explain(answered("BrandNew", 400)) is None
    assert explain(ValueError("not of AWS")) is None


def test_how_long_to_wait_is_told_where_the_service_tells_it() -> None:
    known = explain(answered("ThrottlingException", headers={"retry-after": "7"}))
    assert known is not None
    assert known.retry_after == timedelta(seconds=7)
    plain = explain(answered("ThrottlingException", headers={"retry-after": "soon"}))
    assert plain is not None
    assert plain.retry_after is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoCredentialsError(), Denied),
        (ProfileNotFound(profile="prod"), Denied),
        (NoRegionError(), InvalidRequest),
        (ParamValidationError(report="too short"), InvalidRequest),
        (ConnectionClosedError(endpoint_url="http://x"), Unavailable),
        (ReadTimeoutError(endpoint_url="http://x"), Unavailable),
    ],
)
def test_what_goes_wrong_before_an_answer_is_sorted_too(
    error: Exception, kind: type[ProviderError]
) -> None:
    assert type(explain(error)) is kind
