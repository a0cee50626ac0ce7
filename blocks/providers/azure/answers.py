"""What the codes of Azure's answers mean. Light to import: our containers do, too."""

from __future__ import annotations

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
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
        "ClusterMinNodesExceedCoreQuota",
        "JobNodeCountExceedsCoreQuota",
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
        "ImageBuildFailure",
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


def is_missing(error: Exception) -> bool:
    """Whether Azure says that there is no such thing."""
    return isinstance(error, HttpResponseError) and meaning_of(error) is NotFound


def meaning_of(error: HttpResponseError) -> type[ProviderError] | None:
    """Sort an answer by its code, and by its status where nobody knows the code.

    A long-running operation that failed is told with status 200: its code says all.
    """
    code, status = code_of(error), int(error.status_code or 0)
    kind = _MEANING.get(code)
    if status in (404, 409, 412, 429) and (kind is None or kind is InvalidRequest):
        kind = _STATUS[status]  # UserError is what many a thing is called
    kind = kind or _by_kind(error) or _STATUS.get(status)
    return kind or (Unavailable if status >= 500 else None)


def meaning_of_code(code: str) -> type[ProviderError] | None:
    """Return what a code alone means, of a thing that failed later; None for an unknown one."""
    return _MEANING.get(code)


def may_pass(code: str) -> bool:
    """Whether what failed with a code may work another time: it is the cloud's fault, not ours."""
    kind = meaning_of_code(code)
    return bool(code) and (kind is None or kind in (NoCapacity, Throttled, Unavailable, Conflict))


def _by_kind(error: HttpResponseError) -> type[ProviderError] | None:
    known: tuple[tuple[type[Exception], type[ProviderError]], ...] = (
        (ClientAuthenticationError, Denied),
        (ResourceNotFoundError, NotFound),
        (ResourceExistsError, Conflict),
    )
    return next((ours for theirs, ours in known if isinstance(error, theirs)), None)
