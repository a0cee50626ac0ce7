"""What work on this machine costs, by a price book that its owner can replace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Cost, Price, Prices, ProviderError, Usage
from blocks.price_book import PriceBook, cost_of, look_up, read_book
from blocks.providers.local.account import LocalMachine

_SHIPPED = Path(__file__).with_name("prices.json")


class LocalPrices(Block, Prices):
    """Prices of this machine: ``prices.json`` in the workspace first, then the shipped book."""

    _block_type_name = "Local prices"
    _block_type_slug = "local-prices"

    provider: ClassVar[str] = "local"

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Whose workspace may hold a price book."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        return look_up(self._books(), machine, spot=spot, zone=zone)

    def _cost(self, usage: Usage) -> Cost | None:
        return cost_of(usage, lambda spot: self._price(usage.machine, spot, usage.zone))

    def _books(self) -> Iterator[PriceBook]:
        for file in (self.machine.workspace / "prices.json", _SHIPPED):
            if file.exists():
                yield read_book(file, example=_SHIPPED)
