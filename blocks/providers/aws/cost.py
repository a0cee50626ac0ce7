"""What SageMaker's machines cost: a book of your own, AWS's list, or a dated snapshot of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Cost, Price, Prices, ProviderError, Usage
from blocks.price_book import PriceBook, cost_of, look_up, read_book
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import explain
from blocks.providers.aws.price_list import PriceList

_SHIPPED = Path(__file__).with_name("prices.json")
SHIPPED_REGION = "us-east-1"


class AwsPrices(Block, Prices):
    """Prices by the hour: your own book first, then AWS's list if it may be asked, then the
    shipped book where its region is yours.

    SageMaker has no price of spot time: it bills fewer seconds than were used, at the price on
    demand, and says how many only at the end (``BillableTimeInSeconds``). The shipped book's spot
    prices are an assumption to plan with; a job that was billed costs what was billed.
    """

    _block_type_name = "AWS prices"
    _block_type_slug = "aws-prices"

    provider: ClassVar[str] = "aws"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Whose region.")
    book: Path | None = Field(
        default_factory=lambda: _path(os.environ.get("BLUEWATER_AWS_PRICES", "")),
        description="A price book of your own, in the form of the shipped one.",
    )

    ask: bool = Field(
        default_factory=lambda: bool(os.environ.get("BLUEWATER_AWS_ASK_PRICES")),
        description="Ask AWS's price list (pricing:GetProducts) for prices on demand.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        own = look_up(self._own(), machine, spot=spot, zone=zone)
        if own is not None or not self.ask or spot:
            return own or look_up(self._shipped(), machine, spot=spot, zone=zone)
        return self._list.on_demand(machine) or look_up(
            self._shipped(), machine, spot=spot, zone=zone
        )

    def _cost(self, usage: Usage) -> Cost | None:
        return cost_of(usage, lambda spot: self._price(usage.machine, spot, usage.zone))

    def _own(self) -> Iterator[PriceBook]:
        if self.book is not None:
            yield read_book(self.book, example=_SHIPPED)

    def _shipped(self) -> Iterator[PriceBook]:
        if self.account.region == SHIPPED_REGION:
            yield read_book(_SHIPPED, example=_SHIPPED)

    @cached_property
    def _list(self) -> PriceList:
        return PriceList(self.account)


def _path(named: str) -> Path | None:
    return Path(named) if named else None
