"""What Azure's machines cost: a dated snapshot of its list prices, or a book of your own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Cost, Price, Prices, ProviderError, Usage
from blocks.price_book import PriceBook, cost_of, look_up, read_book
from blocks.providers.azure.account import AzureAccount

BOOK = "BLUEWATER_AZURE_PRICES"
_SHIPPED = Path(__file__).with_name("prices.json")
_SHIPPED_LOCATION = "eastus"


class AzurePrices(Block, Prices):
    """Prices by the hour: your own book first, then the shipped one where its region is yours.

    Machine Learning itself is free of charge: what is paid for are the machines.
    """

    _block_type_name = "Azure prices"
    _block_type_slug = "azure-prices"

    provider: ClassVar[str] = "azure"

    account: AzureAccount = Field(default_factory=AzureAccount, description="Whose location.")
    book: Path | None = Field(
        default_factory=lambda: _path(os.environ.get(BOOK, "")),
        description="A price book of your own, in the form of the shipped one.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        return look_up(self._books(), machine, spot=spot, zone=zone)

    def _cost(self, usage: Usage) -> Cost | None:
        return cost_of(usage, lambda spot: self._price(usage.machine, spot, usage.zone))

    def _books(self) -> Iterator[PriceBook]:
        if self.book is not None:
            yield read_book(self.book, example=_SHIPPED)
        if self.account.location == _SHIPPED_LOCATION:
            yield read_book(_SHIPPED, example=_SHIPPED)


def _path(named: str) -> Path | None:
    return Path(named) if named else None
