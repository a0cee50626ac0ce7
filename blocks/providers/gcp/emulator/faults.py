"""What can go wrong in an emulated project, by name, in Google's own words."""

from __future__ import annotations

from collections.abc import Callable

import grpc
from google.protobuf.message import Message

from blocks.emulation.faults import CUT, Faults, Refusal
from blocks.providers.gcp.emulator.refusals import GcpError, info, quota

Code = grpc.StatusCode


def _told(code: grpc.StatusCode, message: str, *details: Message) -> Callable[[], GcpError]:
    return lambda: GcpError(code, message, *details)


REFUSALS = {
    "throttling": Refusal(
        error=_told(
            Code.RESOURCE_EXHAUSTED,
            "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'.",
            info("RATE_LIMIT_EXCEEDED", quota_unit="1/min/{project}"),
        )
    ),
    "quota": Refusal(
        error=_told(
            Code.RESOURCE_EXHAUSTED,
            "The following quota metrics exceed quota limits: "
            "aiplatform.googleapis.com/custom_model_training_cpus",
            quota("aiplatform.googleapis.com/custom_model_training_cpus"),
        )
    ),
    "unavailable": Refusal(error=_told(Code.UNAVAILABLE, "The service is currently unavailable.")),
    "internal-error-after": Refusal(
        error=_told(Code.INTERNAL, "Internal error encountered."), after=True
    ),
    "deadline-exceeded-after": Refusal(
        error=_told(Code.DEADLINE_EXCEEDED, "Deadline expired before operation could complete."),
        after=True,
    ),
    "expired-token": Refusal(
        error=_told(
            Code.UNAUTHENTICATED,
            "Request had invalid authentication credentials. Expected OAuth 2 access token.",
            info("ACCESS_TOKEN_EXPIRED"),
        )
    ),
    "access-denied": Refusal(
        error=_told(
            Code.PERMISSION_DENIED,
            "The caller does not have permission",
            info("IAM_PERMISSION_DENIED"),
        )
    ),
    "conflict": Refusal(
        error=_told(Code.ABORTED, "There is another operation in progress for this resource.")
    ),
}

# Told by no error of the call: the call is cut off, or what it started behaves so.
BEHAVIOURS = {
    **CUT,
    "stale-read": "a get does not find, or a list does not name, what was just created",
    "stock-out": "a job never gets its machine",
    "stuck-deploying": "a deployment goes on until time is moved on",
    "failed-health-check": "the container of a deployed model never answers the health route",
}


def faults() -> Faults:
    """Return the faults of a new project: none is to come yet."""
    return Faults(REFUSALS, BEHAVIOURS)
