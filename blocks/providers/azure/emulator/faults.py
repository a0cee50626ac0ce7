"""What can go wrong in an emulated Azure subscription, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.emulation.faults import CUT, Faults, Refusal
from blocks.providers.azure.emulator.refusals import AzureError


def _told(
    code: str, message: str, status: int = 400, headers: Mapping[str, str] | None = None
) -> Callable[[], AzureError]:
    return lambda: AzureError(code, message, status, headers=headers)


REFUSALS = {
    "throttling": Refusal(
        error=_told(
            "TooManyRequests",
            "Rate limit is exceeded. Try again in 1 seconds.",
            429,
            {"Retry-After": "1"},
        )
    ),
    "unavailable": Refusal(
        error=_told("ServiceUnavailable", "The service is temporarily unavailable.", 503)
    ),
    "internal-error-after": Refusal(
        error=_told("InternalServerError", "An internal server error occurred.", 500), after=True
    ),
    "gateway-timeout-after": Refusal(
        error=_told(
            "GatewayTimeout",
            "The gateway did not receive a response from "
            "'Microsoft.MachineLearningServices' within the specified time period.",
            504,
        ),
        after=True,
    ),
    "expired-token": Refusal(
        error=_told(
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.",
            401,
            {"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    ),
    "access-denied": Refusal(
        error=_told(
            "AuthorizationFailed",
            "The client does not have authorization to perform action over scope, or the scope "
            "is invalid. If access was recently granted, please refresh your credentials.",
            403,
        )
    ),
    "out-of-quota": Refusal(
        error=_told(
            "OutOfQuota",
            "Not enough quota is available for the requested VM family. Request an increase, or "
            "use another size.",
        )
    ),
    "conflict": Refusal(
        error=_told("Conflict", "Another operation on this entity is in progress.", 409)
    ),
}

BEHAVIOURS = {
    "stale-read": "what was just made is not seen yet",
    "cluster-in-vain": "a cluster cannot be made: ClusterMinNodesExceedCoreQuota",
    "out-of-capacity": "a machine never comes: OutOfCapacity",
    "image-build-failure": "a job's or a deployment's image cannot be built: ImageBuildFailure",
    "resource-not-ready": "a deployment fails: ResourceNotReady",
    "failed-health-check": "the containers of a deployment never get ready",
    "stuck-updating": "a change of an endpoint or a deployment takes half an hour",
    "updating-again": "an endpoint that Succeeded is Updating once more, for no reason told",
}

FAULTS = {
    **{name: refusal.error().args[0] for name, refusal in REFUSALS.items()},
    **CUT,
    **BEHAVIOURS,
}
"""Every fault by name, and what it does."""


def faults() -> Faults:
    """Return the faults of a new world: none to come yet."""
    return Faults(REFUSALS, BEHAVIOURS)
