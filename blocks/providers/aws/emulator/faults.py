"""What can go wrong in an emulated AWS account, by name."""

from __future__ import annotations

from collections.abc import Callable

from blocks.emulation.faults import CUT, Faults, Refusal
from blocks.providers.aws.emulator.refusals import AwsError


def _told(code: str, message: str, status: int = 400) -> Callable[[], AwsError]:
    return lambda: AwsError(code, message, status)


REFUSALS = {
    "throttling": Refusal(error=_told("ThrottlingException", "Rate exceeded")),
    "resource-limit": Refusal(
        error=_told(
            "ResourceLimitExceeded",
            "The account-level service limit is 0 Instances, with current utilization of 0 "
            "Instances and a request delta of 1 Instances. Please contact AWS support to request "
            "an increase for this limit.",
        )
    ),
    "unavailable": Refusal(error=_told("ServiceUnavailable", "Service unavailable", 503)),
    "internal-error-after": Refusal(
        error=_told("InternalFailure", "We encountered an internal error.", 500), after=True
    ),
    "expired-token": Refusal(
        error=_told(
            "ExpiredTokenException", "The security token included in the request is expired", 403
        )
    ),
    "access-denied": Refusal(
        error=_told(
            "AccessDeniedException",
            "User is not authorized to perform this action because no identity-based policy "
            "allows it",
        )
    ),
}

# Told by no error of the call: the call is cut off, or what it started behaves so.
BEHAVIOURS = {
    **CUT,
    "stale-read": "a describe does not find, or a list does not name, what was just created",
    "capacity-error": "a job never gets its machine",
    "late-machine": "a job of one machine gets it an hour later, of the cloud's time",
    "no-capacity": "EC2 has no such machine in that zone (subject: machine@zone)",
    "spot-price": "EC2's spot price is above what was offered (subject: machine@zone)",
    "spot-count": "the account has as many spot machines as it may (subject: machine@zone)",
    "vcpu-limit": "the account's limit of processors is reached (subject: machine@zone)",
    "in-progress": "an endpoint was being changed by somebody else, and no longer is",
    "stuck-creating": "an endpoint stays in Creating until time is moved on",
    "failed-health-check": "the container of an endpoint never answers the ping",
}


def faults() -> Faults:
    """Return the faults of a new account: none is to come yet."""
    return Faults(REFUSALS, BEHAVIOURS)
