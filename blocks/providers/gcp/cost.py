"""What Vertex AI's machines cost: a dated snapshot of its list prices, or a book of your own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Cost, InvalidRequest, Price, Prices, ProviderError, Usage
from blocks.price_book import PriceBook, cost_of, look_up, read_book
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.machines import parts_of

_SHIPPED = Path(__file__).with_name("prices.json")
SHIPPED_LOCATION = "us-central1"


class GcpPrices(Block, Prices):
    """Prices by the hour: your own book first, then the shipped one where its location is yours.

    A machine with accelerators costs what the machine and each accelerator cost, unless a book has
    the two under one name.
    """

    _block_type_name = "Google Cloud prices"
    _block_type_slug = "gcp-prices"

    provider: ClassVar[str] = "gcp"

    account: GcpAccount = Field(default_factory=GcpAccount, description="Whose location.")
    book: Path | None = Field(
        default_factory=lambda: _path(os.environ.get("BLUEWATER_GCP_PRICES", "")),
        description="A price book of your own, in the form of the shipped one.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        books = list(self._books())
        if whole := look_up(books, machine, spot=spot, zone=zone):
            return whole
        try:
            type_, count, accelerator = parts_of(machine)
        except InvalidRequest:
            return None
        bare = look_up(books, type_, spot=spot, zone=zone)
        plugged = look_up(books, accelerator, spot=spot, zone=zone)
        if bare is None or plugged is None:
            return None
        per_hour = bare.per_hour + count * plugged.per_hour
        return bare.model_copy(update={"machine": machine, "per_hour": per_hour})

    def _cost(self, usage: Usage) -> Cost | None:
        return cost_of(usage, lambda spot: self._price(usage.machine, spot, usage.zone))

    def _books(self) -> Iterator[PriceBook]:
        if self.book is not None:
            yield read_book(self.book, example=_SHIPPED)
        if self.account.location == SHIPPED_LOCATION:
            yield read_book(_SHIPPED, example=_SHIPPED)


def _path(named: str) -> Path | None:
    return Path(named) if named else None
