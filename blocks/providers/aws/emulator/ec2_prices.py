"""What spot goes for in the zones of an emulated account: a share of the listed price in each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from blocks.price_book import read_book
from blocks.providers.aws.emulator.price_list import BOOK, on_ec2
from blocks.providers.aws.emulator.world import World

SHARES: Mapping[str, Decimal] = {"a": Decimal("0.3"), "b": Decimal("0.35"), "c": Decimal("0.4")}
_PLATFORM = "Linux/UNIX"


class SpotPrices:
    """DescribeSpotPriceHistory."""

    def __init__(self, world: World) -> None:
        self._world = world

    def history(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Tell the price in force in each zone."""
        listed = on_ec2(read_book(BOOK, example=BOOK))
        wanted = asked.get("InstanceTypes", [*listed])
        platforms = asked.get("ProductDescriptions", [_PLATFORM])
        found = [
            {
                "AvailabilityZone": zone,
                "InstanceType": machine,
                "ProductDescription": _PLATFORM,
                "SpotPrice": str(round(listed[machine] * share, 6)),
                "Timestamp": datetime.fromtimestamp(self._world.clock.now(), UTC),
            }
            for machine in wanted
            if machine in listed and _PLATFORM in platforms
            for zone, share in self._shares(asked).items()
        ]
        return {"SpotPriceHistory": found}

    def _shares(self, asked: dict[str, Any]) -> Mapping[str, Decimal]:
        every = {f"{self._world.region}{letter}": share for letter, share in SHARES.items()}
        wanted = asked.get("AvailabilityZone")
        return {zone: share for zone, share in every.items() if wanted in (None, zone)}
