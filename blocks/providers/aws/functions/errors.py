"""What Lambda's own errors mean to the caller; all others are AWS's."""

from __future__ import annotations

from botocore.exceptions import ClientError

from blocks.contracts import (
    Conflict,
    InvalidRequest,
    NotFound,
    ProviderError,
    QuotaExceeded,
    Unavailable,
)
from blocks.providers.aws import errors

# https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html, and those of each operation
_CODES: dict[type[ProviderError], tuple[str, ...]] = {
    Conflict: ("PreconditionFailedException", "ResourceConflictException"),
    InvalidRequest: (
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "RequestTooLargeException",
    ),
    NotFound: ("ProvisionedConcurrencyConfigNotFoundException",),
    QuotaExceeded: ("CodeStorageExceededException",),
    Unavailable: ("EC2ThrottledException", "ResourceNotReadyException", "ServiceException"),
}
_MEANING = {code: kind for kind, codes in _CODES.items() for code in codes}


def explain(error: Exception) -> ProviderError | None:
    """Return our error for one of botocore's, or None if it is not botocore's."""
    if isinstance(error, ClientError):
        code = errors.code_of(error)
        if code in _MEANING:
            message = str(error.response.get("Error", {}).get("Message", ""))
            return _MEANING[code](message, code=code)
    return errors.explain(error)


def means(error: Exception, kind: type[ProviderError]) -> bool:
    """Whether an error is one of that kind."""
    return isinstance(explain(error), kind)
