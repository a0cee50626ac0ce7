"""What Azure's errors mean to the caller. Codes are matched, never words."""

from __future__ import annotations

from datetime import timedelta

from azure.ai.ml.exceptions import MlException, ValidationException
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
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

_CODES: dict[type[ProviderError], tuple[str, ...]] = {
    Denied: (
        "AuthenticationFailed",
        "AuthorizationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "ExpiredAuthenticationToken",
        "Forbidden",
        "InsufficientAccountPermissions",
        "InvalidAuthenticationToken",
        "InvalidAuthenticationTokenTenant",
        "LinkedAuthorizationFailed",
        "Unauthorized",
    ),
    NotFound: (
        "BlobNotFound",
        "ContainerNotFound",
        "ModelNotFound",
        "NotFound",
        "ParentResourceNotFound",
        "ResourceGroupNotFound",
        "ResourceNotFound",
        "SecretNotFound",
        "SubscriptionNotFound",
    ),
    Conflict: (
        "AnotherOperationInProgress",
        "BlobAlreadyExists",
        "ConditionNotMet",
        "Conflict",
        "ContainerAlreadyExists",
        "ResourceConflict",
        "ResourceNotReady",
        "TransientError",
        "UpdateConditionNotSatisfied",
    ),
    QuotaExceeded: (
        "ClusterCoreQuotaReached",
        "OperationNotAllowed",
        "OutOfQuota",
        "QuotaExceeded",
        "SubscriptionCoreQuotaReached",
    ),
    NoCapacity: (
        "AllocationFailed",
        "OutOfCapacity",
        "OverconstrainedAllocationRequest",
        "SkuNotAvailable",
        "VMSizeNotSupported",
        "ZonalAllocationFailed",
    ),
    Throttled: (
        "OperationRateLimitExceeded",
        "RequestRateTooLarge",
        "ServerBusy",
        "SubscriptionRequestsThrottled",
        "ThrottledRequests",
        "TooManyRequests",
        "TooManyRequestsReceived",
    ),
    Unavailable: (
        "GatewayTimeout",
        "InternalError",
        "InternalServerError",
        "OperationTimedOut",
        "ServerTimeout",
        "ServiceError",
        "ServiceTimeout",
        "ServiceUnavailable",
    ),
    InvalidRequest: (
        "BadArgument",
        "BadParameter",
        "BadRequest",
        "InvalidRequestContent",
        "InvalidResourceName",
        "UserError",
        "ValidationError",
    ),
    Unsupported: ("FeatureNotSupported", "InvalidResourceType", "NotImplemented", "NotSupported"),
}
_MEANING = {code: kind for kind, codes in _CODES.items() for code in codes}
_STATUS: dict[int, type[ProviderError]] = {
    400: InvalidRequest,
    401: Denied,
    403: Denied,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    412: Conflict,
    429: Throttled,
}


def code_of(error: HttpResponseError) -> str:
    """Return the code of an answer that says no; empty where it has none."""
    told = getattr(error, "error", None)
    code = getattr(error, "error_code", None) or getattr(told, "code", None) or ""
    return str(getattr(code, "value", code))


def meaning(code: str) -> type[ProviderError] | None:
    """Return the class of ours that a code of Azure's belongs to."""
    return _MEANING.get(code)


def is_missing(error: Exception) -> bool:
    """Whether Azure says that there is no such thing."""
    return isinstance(error, HttpResponseError) and isinstance(explain(error), NotFound)


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
    """Sort an answer by its code, and by its status where nobody knows the code.

    A long-running operation that failed is told with status 200: its code says all.
    """
    code, status = code_of(error), int(error.status_code or 0)
    kind = _MEANING.get(code)
    if status in (404, 409, 412, 429) and (kind is None or kind is InvalidRequest):
        kind = _STATUS[status]  # UserError is what many a thing is called
    kind = kind or _by_kind(error) or _STATUS.get(status)
    kind = kind or (Unavailable if status >= 500 else None)
    if kind is None:
        return None
    return kind(error.message or f"HTTP status {status}", code=code, retry_after=_after(error))


def _by_kind(error: HttpResponseError) -> type[ProviderError] | None:
    known: tuple[tuple[type[Exception], type[ProviderError]], ...] = (
        (ClientAuthenticationError, Denied),
        (ResourceNotFoundError, NotFound),
        (ResourceExistsError, Conflict),
    )
    return next((ours for theirs, ours in known if isinstance(error, theirs)), None)


def _after(error: HttpResponseError) -> timedelta | None:
    headers = getattr(error.response, "headers", None) or {}
    for name, unit in (("retry-after-ms", 1e-3), ("Retry-After", 1.0)):
        said = str(headers.get(name, ""))
        if said.isdecimal():
            return timedelta(seconds=int(said) * unit)
    return None
