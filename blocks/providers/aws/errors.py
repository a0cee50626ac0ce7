"""What AWS's errors mean to the caller. Codes are matched, never words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
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
        "403",  # of a HEAD, which has no body to name its code
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
    NotFound: (
        "404",
        "NoSuchBucket",
        "NoSuchEntity",
        "NoSuchKey",
        "ObjectNotFoundException",
        "ParameterNotFound",
        "ResourceNotFound",
        "ResourceNotFoundException",
    ),
    Conflict: (
        "409",
        "412",
        "BucketAlreadyExists",
        "ConditionalRequestConflict",
        "ConflictException",
        "PreconditionFailed",
        "ResourceExistsException",
        "ResourceInUse",
    ),
    QuotaExceeded: (
        "LimitExceeded",
        "LimitExceededException",
        "ResourceLimitExceeded",
        "ServiceQuotaExceededException",
    ),
    NoCapacity: ("CapacityError", "InsufficientCapacity", "InsufficientInstanceCapacity"),
    Throttled: (
        "429",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ),
    Unavailable: (
        "ConcurrentUpdateException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "InternalServiceError",
        "ModelNotReadyException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    ),
    InvalidRequest: (
        "EntityTooLarge",
        "InvalidArgument",
        "InvalidBucketName",
        "InvalidParameterException",
        "InvalidParameterValue",
        "InvalidRequest",
        "InvalidRequestException",
        "MalformedPolicyDocument",
        "MissingParameter",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    ),
    Unsupported: ("NotImplemented", "UnknownOperationException", "UnsupportedOperation"),
}
_MEANING = {code: kind for kind, codes in _CODES.items() for code in codes}

_ACCESS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)


def code_of(error: ClientError) -> str:
    """Return the code of an answer that says no."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: Exception) -> ProviderError | None:
    """Return our error for one of botocore's, or None if it is not botocore's."""
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, _ACCESS):
        return Denied(
            f"{error}; see https://docs.aws.amazon.com/cli/latest/userguide/"
            "cli-configure-quickstart.html",
            code=type(error).__name__,
        )
    if isinstance(error, NoRegionError):
        return InvalidRequest("no region; set it in the AWS account block or in AWS_REGION")
    if isinstance(error, ParamValidationError):
        return InvalidRequest(str(error), code="ParamValidation")
    return Unavailable(str(error)) if isinstance(error, BotoCoreError) else None


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of the SDK into one of ours."""
    try:
        yield
    except ProviderError:
        raise
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        raise known from error


def _answered(error: ClientError) -> ProviderError | None:
    told = error.response.get("ResponseMetadata", {})
    status = int(told.get("HTTPStatusCode", 0))
    code, message = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
    kind = _MEANING.get(code) or (Unavailable if status >= 500 else None)
    if kind is None:
        return None
    after = str(told.get("HTTPHeaders", {}).get("retry-after", ""))
    seconds = timedelta(seconds=int(after)) if after.isdecimal() else None
    return kind(message or f"HTTP status {status}", code=code, retry_after=seconds)
