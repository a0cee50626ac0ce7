"""What EC2's machines cost now: AWS's price list on demand, and what spot goes for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Cost, Price, Prices, ProviderError, Usage
from blocks.price_book import cost_of
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import explain
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.price_list import PriceList

_PLATFORM = "Linux/UNIX"


class Ec2Prices(Block, Prices):
    """Prices by the hour, asked when they are needed: spot prices move, a snapshot would be wrong.

    Every zone has a spot price of its own. Where none is named, spot costs what the dearest zone
    of the region asks for, so that a plan does not promise too much.
    """

    _block_type_name = "EC2 prices"
    _block_type_slug = "aws-ec2-prices"

    provider: ClassVar[str] = "aws-ec2"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Whose region.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        listed = self._list.on_demand(machine)
        return self._spot(listed, zone) if listed and spot else listed

    def _cost(self, usage: Usage) -> Cost | None:
        return cost_of(usage, lambda spot: self._price(usage.machine, spot, usage.zone))

    def _spot(self, listed: Price, zone: str) -> Price | None:
        """Return what spot goes for; None where there is no spot of that machine."""
        now = datetime.now(UTC)
        pages = self.account.client("ec2", attempts=READS).get_paginator(
            "describe_spot_price_history"
        )
        asked = {"InstanceTypes": [listed.machine], "ProductDescriptions": [_PLATFORM]}
        where = {"AvailabilityZone": zone} if zone else {}
        found = [
            Decimal(each["SpotPrice"])
            for page in pages.paginate(**asked, **where, StartTime=now)
            for each in page["SpotPriceHistory"]
        ]
        if not found:
            return None
        source = f"spot price history of {self.account.region}"
        told = {"per_hour": max(found), "spot": True, "zone": zone}
        return listed.model_copy(update={**told, "source": source, "as_of": now.date()})

    @cached_property
    def _list(self) -> PriceList:
        return PriceList(self.account)
