"""What Azure's errors mean to the caller. Codes are matched, never words."""

from __future__ import annotations

from datetime import timedelta

from azure.ai.ml.exceptions import MlException, ValidationException
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import CredentialUnavailableError

from blocks.contracts import Denied, InvalidRequest, ProviderError, Unavailable
from blocks.providers.azure.answers import code_of, meaning_of


def explain(error: Exception) -> ProviderError | None:
    """Return our error for one of the SDK's, or None if it is not the SDK's."""
    if isinstance(error, CredentialUnavailableError):
        return Denied(
            f"{error}; give the Azure account block a service principal, or sign in with "
            "`az login`",
            code="NO_CREDENTIAL",
        )
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return Unavailable(str(error), code=type(error).__name__)
    if isinstance(error, HttpResponseError):
        return _answered(error)
    if isinstance(error, ValidationException):
        return InvalidRequest(str(error), code="VALIDATION")
    if isinstance(error, AzureError | MlException):
        return Unavailable(str(error), code=type(error).__name__)
    return None


def _answered(error: HttpResponseError) -> ProviderError | None:
    kind = meaning_of(error)
    if kind is None:
        return None
    words = error.message or f"HTTP status {error.status_code}"
    return kind(words, code=code_of(error), retry_after=_after(error))


def _after(error: HttpResponseError) -> timedelta | None:
    headers = getattr(error.response, "headers", None) or {}
    for name, unit in (("retry-after-ms", 1e-3), ("Retry-After", 1.0)):
        said = str(headers.get(name, ""))
        if said.isdecimal():
            return timedelta(seconds=int(said) * unit)
    return None
