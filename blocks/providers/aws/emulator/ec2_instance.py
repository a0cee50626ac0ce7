"""One EC2 instance as EC2 tells of it: its states, its reasons, its tags."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

STATES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}

# Codes and words of StateReason, as the User Guide lists them.
RECLAIMED = ("Server.SpotInstanceTermination", "Spot instance termination")
BROKEN = ("Server.InternalError", "Internal error on launch")
BY_USER = ("Client.UserInitiatedShutdown", "User initiated shutdown")
BY_ITSELF = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown")

Reason = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Instance:
    """What is known of an instance. Guarded by the world's lock."""

    id: str
    asked: dict[str, Any]  # the request that made it, in the words of RunInstances
    zone: str
    launched: float
    tags: dict[str, str]
    state: str = "pending"
    reason: Reason | None = None
    ended: float | None = None
    notice: float | None = None  # when a reclaimed machine will be gone
    notice_seen: bool = False
    console: list[str] = field(default_factory=list)
    terminate: threading.Event = field(default_factory=threading.Event)
    break_down: threading.Event = field(default_factory=threading.Event)

    @property
    def spot(self) -> bool:
        """Whether it may be taken back."""
        return bool(self.asked.get("InstanceMarketOptions", {}).get("MarketType") == "spot")

    @property
    def over(self) -> bool:
        """Whether it is gone, or about to be."""
        return self.state in ("shutting-down", "terminated")

    def told(self) -> dict[str, Any]:
        """Return what a description says of it."""
        found: dict[str, Any] = {
            "InstanceId": self.id,
            "ImageId": self.asked["ImageId"],
            "InstanceType": self.asked["InstanceType"],
            "State": {"Code": STATES[self.state], "Name": self.state},
            "LaunchTime": datetime.fromtimestamp(self.launched, UTC),
            "Placement": {"AvailabilityZone": self.zone, "Tenancy": "default"},
            "ClientToken": self.asked.get("ClientToken", ""),
            "AmiLaunchIndex": 0,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "StateTransitionReason": self._transition(),
        }
        if self.asked.get("SubnetId"):
            found["SubnetId"] = self.asked["SubnetId"]
        if self.spot:
            found["InstanceLifecycle"] = "spot"
        if self.reason:
            found["StateReason"] = {"Code": self.reason[0], "Message": ": ".join(self.reason)}
        return found

    def change(self) -> dict[str, Any]:
        """Return what TerminateInstances says of it."""
        now = {"Code": STATES[self.state], "Name": self.state}
        return {"InstanceId": self.id, "CurrentState": now, "PreviousState": now}

    def _transition(self) -> str:
        if self.reason is None or self.ended is None:
            return ""
        at = datetime.fromtimestamp(self.ended, UTC).strftime("%Y-%m-%d %H:%M:%S GMT")
        return f"User initiated ({at})" if self.reason == BY_USER else self.reason[1]
