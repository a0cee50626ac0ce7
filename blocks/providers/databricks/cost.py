"""What machines cost on Databricks: the DBUs that it bills, and the machine that the cloud does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Cost, Frozen, Price, Prices, ProviderError, Usage
from blocks.price_book import HourlyRates, PriceBook, cost_of, look_up, read_as
from blocks.providers.databricks.account import DatabricksWorkspace

_SHIPPED = Path(__file__).with_name("prices.json")
_SHIPPED_CLOUD = "aws"


class MachineRates(HourlyRates):
    """What one machine costs by the hour: the cloud's price, and how many DBUs it takes."""

    dbu: Decimal = Field(ge=0)


class DbuBook(Frozen):
    """Prices in their parts, with the place and the day where they were read."""

    currency: str
    dbu_rate: Decimal = Field(ge=0)
    machines: Mapping[str, MachineRates]
    source: str
    as_of: date

    def summed(self, dbu_rate: Decimal | None = None) -> PriceBook:
        """Return what each machine costs in all, at another rate for a DBU where one is given."""
        rate = self.dbu_rate if dbu_rate is None else dbu_rate
        return PriceBook(
            currency=self.currency,
            machines={name: _summed(each, rate) for name, each in self.machines.items()},
            source=self.source,
            as_of=self.as_of,
        )


class DatabricksPrices(Block, Prices):
    """Prices by the hour: your own book first, then the shipped one where its cloud is yours.

    A price is that of the machine and of its DBUs: Databricks bills the one, the cloud the other.
    """

    _block_type_name = "Databricks prices"
    _block_type_slug = "databricks-prices"

    provider: ClassVar[str] = "databricks"

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Whose cloud."
    )
    book: Path | None = Field(
        default_factory=lambda: _path(os.environ.get("BLUEWATER_DATABRICKS_PRICES", "")),
        description="A price book of your own, in the form of the shipped one.",
    )
    dbu_rate: Decimal | None = Field(
        default=None, ge=0, description="What you pay for a DBU; empty: the list price."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        return look_up(self._books(), machine, spot=spot, zone=zone)

    def _cost(self, usage: Usage) -> Cost | None:
        return cost_of(usage, lambda spot: self._price(usage.machine, spot, usage.zone))

    def _books(self) -> Iterator[PriceBook]:
        shipped = _SHIPPED if self.account.cloud == _SHIPPED_CLOUD else None
        for file in filter(None, (self.book, shipped)):
            yield read_as(DbuBook, file, example=_SHIPPED).summed(self.dbu_rate)


def _summed(rates: MachineRates, dbu_rate: Decimal) -> HourlyRates:
    dbus = rates.dbu * dbu_rate
    return HourlyRates(
        on_demand=rates.on_demand + dbus,
        spot=None if rates.spot is None else rates.spot + dbus,
    )


def _path(named: str) -> Path | None:
    return Path(named) if named else None
