"""What Databricks says is sorted by its code, and by the SDK's kind where nobody knows the code."""

from __future__ import annotations

import pytest
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
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.errors import explain


@pytest.mark.parametrize(
    ("kind", "code", "ours"),
    [
        (sdk.BadRequest, "INVALID_PARAMETER_VALUE", InvalidRequest),
        (sdk.BadRequest, "QUOTA_EXCEEDED", QuotaExceeded),
        (sdk.BadRequest, "CLOUD_PROVIDER_RESOURCE_STOCKOUT", NoCapacity),
        (sdk.InvalidState, "INVALID_STATE", Conflict),
        (sdk.ResourceConflict, "RESOURCE_CONFLICT", Conflict),
        (sdk.AlreadyExists, "ALREADY_EXISTS", Conflict),
        (sdk.NotFound, "RESOURCE_DOES_NOT_EXIST", NotFound),
        (sdk.NotFound, "ENDPOINT_NOT_FOUND", Unsupported),
        (sdk.PermissionDenied, "PERMISSION_DENIED", Denied),
        (sdk.Unauthenticated, None, Denied),
        (sdk.TooManyRequests, "REQUEST_LIMIT_EXCEEDED", Throttled),
        (sdk.TemporarilyUnavailable, "TEMPORARILY_UNAVAILABLE", Unavailable),
        (sdk.InternalError, "A_NEW_CODE", Unavailable),
    ],
)
def test_an_answer_is_sorted(
    kind: type[DatabricksError], code: str | None, ours: type[ProviderError]
) -> None:
    known = explain(kind("words", error_code=code))
    assert type(known) is ours
    assert known.code == (code or kind.__name__)


def test_how_long_to_wait_is_told() -> None:
    known = explain(sdk.TooManyRequests("words", retry_after_secs=7))
    assert known is not None
    assert known.retry_after is not None
    assert known.retry_after.total_seconds() == 7


def test_an_end_of_patience_is_what_it_was_about() -> None:
    error = TimeoutError("Timed out after 0:00:20")
    error.__cause__ = sdk.TemporarilyUnavailable("words", error_code="TEMPORARILY_UNAVAILABLE")
    known = explain(error)
    assert type(known) is Unavailable
    assert known.code == "TEMPORARILY_UNAVAILABLE"


def test_a_network_that_fails_is_a_passing_fault() -> None:
    assert type(explain(requests.ConnectionError("cut"))) is Unavailable


def test_what_is_not_databricks_is_not_explained() -> None:
    assert explain(KeyError("x")) is None
    assert explain(TimeoutError("of somebody else")) is None
    assert explain(DatabricksError("of no kind", error_code="A_NEW_CODE")) is None


def test_a_workspace_that_nobody_names_is_told() -> None:
    with pytest.raises(InvalidRequest, match="DATABRICKS_HOST"):
        DatabricksWorkspace(host="").client()
