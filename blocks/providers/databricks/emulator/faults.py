"""What can go wrong in an emulated Databricks workspace, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.emulation.faults import CUT, Faults
from blocks.emulation.faults import Refusal as Fault
from blocks.providers.databricks.emulator.refusals import Refused


def _told(
    code: str, message: str, status: int, headers: Mapping[str, str] | None = None
) -> Callable[[], Refused]:
    return lambda: Refused(code, message, status, headers=headers)


REFUSALS = {
    "throttling": Fault(
        error=_told(
            "REQUEST_LIMIT_EXCEEDED",
            "Too many requests. Please wait a moment and try again.",
            429,
            {"Retry-After": "1"},
        )
    ),
    "unavailable": Fault(
        error=_told(
            "TEMPORARILY_UNAVAILABLE",
            "The service is temporarily under maintenance.",
            503,
            {"Retry-After": "0"},
        )
    ),
    "internal-error-after": Fault(
        error=_told("INTERNAL_ERROR", "An internal error occurred.", 500), after=True
    ),
    "expired-token": Fault(error=_told("UNAUTHENTICATED", "Access token expired.", 401)),
    "access-denied": Fault(
        error=_told("PERMISSION_DENIED", "User does not have the permission that it takes.", 403)
    ),
    "quota": Fault(
        error=_told("QUOTA_EXCEEDED", "The quota of the workspace has been exceeded.", 400)
    ),
    "conflict": Fault(
        error=_told("RESOURCE_CONFLICT", "It is being updated. Please try again later.", 409)
    ),
}

BEHAVIOURS = {
    "stale-read": "what was just made is not seen yet",
    "stock-out": "no machine: a run's cluster never comes, a served entity fails",
    "cluster-quota": "a run's cluster is more than the cloud's quota: AWS_RESOURCE_QUOTA_EXCEEDED",
    "stuck-updating": "an endpoint's update does not come to its end",
    "failed-health-check": "a served entity never becomes ready",
}

FAULTS = {
    **{name: fault.error().args[0] for name, fault in REFUSALS.items()},
    **CUT,
    **BEHAVIOURS,
}
"""Every fault by name, and what it does."""


def faults() -> Faults:
    """Return the faults of a new world: none to come yet."""
    return Faults(REFUSALS, BEHAVIOURS)
