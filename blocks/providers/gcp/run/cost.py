"""What instances of Cloud Run cost by the hour, beside all that other machines cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from blocks.contracts import InvalidRequest, Price
from blocks.price_book import PriceBook, look_up, read_book
from blocks.providers.gcp.cost import SHIPPED_LOCATION, GcpPrices
from blocks.providers.gcp.run.calls import resources_of

_SHIPPED = Path(__file__).with_name("prices.json")
_GIBIBYTE = 1024  # mebibytes


class CloudRunPrices(GcpPrices):
    """Prices of instances that answer the whole hour: the most that one can cost.

    One that sleeps costs nothing, and one that is kept ready costs less while nobody asks it. A
    book names a processor (``cpu``), a ``gibibyte``, and accelerators, or a machine as a whole. All
    other machines cost what Google Cloud's other prices say.
    """

    _block_type_name = "Cloud Run prices"
    _block_type_slug = "gcp-run-prices"

    provider: ClassVar[str] = "gcp-run"

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        try:
            limits, accelerator = resources_of(machine)
        except InvalidRequest:
            return super()._price(machine, spot, zone)
        if spot:
            return None
        books = [*self._run_books()]
        if whole := look_up(books, machine, spot=False):
            return whole
        memory = Decimal(limits["memory"].removesuffix("Mi")) / _GIBIBYTE
        parts = {"cpu": Decimal(limits["cpu"]), "gibibyte": memory}
        return _sum(machine, {**parts, **({accelerator: Decimal(1)} if accelerator else {})}, books)

    def _run_books(self) -> Iterator[PriceBook]:
        if self.book is not None:
            yield read_book(self.book, example=_SHIPPED)
        if self.account.location == SHIPPED_LOCATION:
            yield read_book(_SHIPPED, example=_SHIPPED)


def _sum(machine: str, parts: dict[str, Decimal], books: list[PriceBook]) -> Price | None:
    """Return the price of a machine by its parts; None if one of them has none."""
    found = {name: look_up(books, name, spot=False) for name in parts}
    prices = {name: each for name, each in found.items() if each is not None}
    if len(prices) < len(parts):
        return None
    per_hour = sum((each.per_hour * parts[name] for name, each in prices.items()), Decimal(0))
    return prices["cpu"].model_copy(update={"machine": machine, "per_hour": per_hour})
