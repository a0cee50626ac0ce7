"""Which machine is to be had in which zone, and what EC2 says where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.backends import get_backend

from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

# Told by the launch itself; each is a named fault, too.
SHORTAGES = {
    "no-capacity": (
        "InsufficientInstanceCapacity",
        "We currently do not have sufficient capacity in the Availability Zone you requested. Our "
        "system will be working on provisioning additional capacity.",
    ),
    "spot-price": (
        "SpotMaxPriceTooLow",
        "Your Spot request price is lower than the minimum required Spot request fulfillment "
        "price.",
    ),
    "spot-count": ("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"),
    "vcpu-limit": (
        "VcpuLimitExceeded",
        "You have requested more vCPU capacity than your current vCPU limit allows for the "
        "instance bucket that the specified instance type belongs to.",
    ),
}


class Market:
    """The capacity of every zone. All of it is there until a lever takes some away."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._empty: set[tuple[str, str]] = set()  # patterns of machine and zone
        world.levers["ec2-capacity"] = self._capacity

    def take(self, machine: str, zone: str, *, spot: bool) -> None:
        """Take a machine. Raises AwsError where none is to be had."""
        for name, (code, message) in SHORTAGES.items():
            only_spot = name.startswith("spot-")
            if (spot or not only_spot) and self._world.faults.take(name, "*", f"{machine}@{zone}"):
                raise AwsError(code, message, 500 if name == "no-capacity" else 400)
        if any(fnmatchcase(machine, a) and fnmatchcase(zone, b) for a, b in self._empty):
            raise AwsError(*SHORTAGES["no-capacity"], 500)

    def zone(self, asked: Mapping[str, Any]) -> str:
        """Return the zone that a request names, by itself or by its subnet, or the first one."""
        if subnet := asked.get("SubnetId"):
            return self._zone_of(subnet)
        zones = [f"{self._world.region}{letter}" for letter in "abc"]
        zone = str(asked.get("Placement", {}).get("AvailabilityZone") or "")
        if zone and zone not in zones:
            told = f"Invalid availability zone: [{zone}]"
            raise AwsError("InvalidParameterValue", told)
        return zone or zones[0]

    def _zone_of(self, subnet: str) -> str:
        subnets = get_backend("ec2")[self._world.account][self._world.region].subnets
        for zone, found in subnets.items():
            if subnet in found:
                return str(zone)
        told = f"The subnet ID '{subnet}' does not exist"
        raise AwsError("InvalidSubnetID.NotFound", told)

    def _capacity(self, said: dict[str, Any]) -> None:
        """Take capacity away, or bring it back; patterns name machines and zones."""
        place = (said.get("machine", "*"), said.get("zone", "*"))
        if said["there"]:
            self._empty.discard(place)
        else:
            self._empty.add(place)
