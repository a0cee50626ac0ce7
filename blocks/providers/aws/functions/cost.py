"""What Lambda's memory costs by the hour, beside all that other machines of AWS cost."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from blocks.contracts import Price
from blocks.price_book import PriceBook, look_up, read_book
from blocks.providers.aws.cost import SHIPPED_REGION, AwsPrices

_MACHINE = re.compile(r"lambda-([1-9]\d*)")
_SHIPPED = Path(__file__).with_name("prices.json")
_GIGABYTE = 1024  # megabytes; the entry of a book from which other sizes follow


class LambdaPrices(AwsPrices):
    """Prices of environments that work the whole hour: the most that one can cost, requests aside.

    One that is kept ready is cheaper, and one that nobody asks costs nothing unless it is kept
    ready. Memory is billed evenly, so a book names one gigabyte (``lambda-1024``), or any size that
    has a price of its own. All other machines cost what AWS's other prices say.
    """

    _block_type_name = "Lambda prices"
    _block_type_slug = "aws-lambda-prices"

    provider: ClassVar[str] = "aws-lambda"

    def _price(self, machine: str, spot: bool, zone: str) -> Price | None:
        match = _MACHINE.fullmatch(machine)
        if match is None:
            return super()._price(machine, spot, zone)
        books = [*self._own()]
        if self.account.region == SHIPPED_REGION:
            books.append(read_book(_SHIPPED, example=_SHIPPED))
        return None if spot else _of(int(match[1]), books)


def _of(megabytes: int, books: Iterable[PriceBook]) -> Price | None:
    """Return the price of a size: its own, or its share of a gigabyte's."""
    name = f"lambda-{megabytes}"
    for book in books:
        if (own := look_up([book], name, spot=False)) is not None:
            return own
        if (whole := look_up([book], f"lambda-{_GIGABYTE}", spot=False)) is not None:
            share = whole.per_hour * Decimal(megabytes) / _GIGABYTE
            return whole.model_copy(update={"machine": name, "per_hour": share})
    return None
