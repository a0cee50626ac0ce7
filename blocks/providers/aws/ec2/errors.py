"""What EC2's own errors mean to the caller; all others are AWS's."""

from __future__ import annotations

from botocore.exceptions import ClientError

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
from blocks.providers.aws import errors

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_CODES: dict[type[ProviderError], tuple[str, ...]] = {
    NoCapacity: (
        "InsufficientAddressCapacity",
        "InsufficientCapacity",
        "InsufficientFreeAddressesInSubnet",
        "InsufficientHostCapacity",
        "InsufficientInstanceCapacity",
        "InsufficientReservedInstanceCapacity",
        "InsufficientVolumeCapacity",
        "SpotMaxPriceTooLow",
    ),
    QuotaExceeded: (
        "InstanceLimitExceeded",
        "MaxIOPSLimitExceeded",
        "MaxSpotFleetRequestCountExceeded",
        "MaxSpotInstanceCountExceeded",
        "VcpuLimitExceeded",
        "VolumeLimitExceeded",
    ),
    NotFound: ("InvalidInstanceID.NotFound", "InvalidLaunchTemplateName.NotFoundException"),
    Conflict: (
        "IdempotentParameterMismatch",
        "IncorrectInstanceState",
        "InvalidLaunchTemplateName.AlreadyExistsException",
    ),
    Denied: ("Blocked", "PendingVerification", "UnauthorizedOperation"),
    Throttled: ("EC2ThrottledException",),
    Unavailable: ("Unavailable",),
    Unsupported: ("Unsupported", "UnsupportedHibernationConfiguration"),
    InvalidRequest: (
        "InvalidAMIID.Malformed",
        "InvalidAMIID.NotFound",
        "InvalidAMIID.Unavailable",
        "InvalidAvailabilityZone",
        "InvalidBlockDeviceMapping",
        "InvalidGroup.NotFound",
        "InvalidInstanceID.Malformed",
        "InvalidInstanceType",
        "InvalidParameter",
        "InvalidParameterCombination",
        "InvalidSubnet",
        "InvalidSubnetID.NotFound",
        "InvalidUserData.Malformed",
        "UnknownParameter",
        "VPCIdNotSpecified",
    ),
}
_MEANING = {code: kind for kind, codes in _CODES.items() for code in codes}


def meaning(code: str, message: str) -> ProviderError | None:
    """Return our error for one of EC2's codes, which fleets tell without an exception."""
    kind = _MEANING.get(code)
    return kind(message, code=code) if kind else None


def explain(error: Exception) -> ProviderError | None:
    """Return our error for one of botocore's, or None if it is not botocore's."""
    if isinstance(error, ClientError):
        message = str(error.response.get("Error", {}).get("Message", ""))
        if known := meaning(errors.code_of(error), message):
            return known
    return errors.explain(error)
