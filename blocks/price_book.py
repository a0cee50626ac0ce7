"""Price books: what machines cost by the hour, read from a file that says where and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from blocks.contracts import Basis, Cost, Frozen, InvalidRequest, Price, Usage

_SECONDS_PER_HOUR = 3600
B = TypeVar("B", bound=Frozen)


class HourlyRates(Frozen):
    """What one machine costs by the hour; without a spot price, none is known.

    A zone that is not in ``spot_by_zone`` has the price that holds anywhere.
    """

    on_demand: Decimal = Field(ge=0)
    spot: Decimal | None = Field(default=None, ge=0)
    spot_by_zone: Mapping[str, Annotated[Decimal, Field(ge=0)]] = {}

    def spot_in(self, zone: str) -> Decimal | None:
        """Return what spot costs in a zone."""
        return self.spot_by_zone.get(zone, self.spot)


class PriceBook(Frozen):
    """Prices with the place and the day where they were read."""

    currency: str
    machines: Mapping[str, HourlyRates]
    source: str
    as_of: date


def read_book(file: Path, *, example: Path) -> PriceBook:
    """Return the book in a file. Raises InvalidRequest that names an example of the form."""
    return read_as(PriceBook, file, example=example)


def read_as(kind: type[B], file: Path, *, example: Path) -> B:
    """Return a book of a form of its own, as ``read_book`` does."""
    try:
        return kind.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InvalidRequest(
            f"{file} is no price book ({error.error_count()} faults, first: "
            f"{error.errors()[0]['loc']} {error.errors()[0]['msg']}); see {example} for the form",
            code="PRICE_BOOK",
        ) from error


def look_up(
    books: Iterable[PriceBook], machine: str, *, spot: bool, zone: str = ""
) -> Price | None:
    """Return the price in the first book that has the machine, or None if it is not known."""
    book = next((book for book in books if machine in book.machines), None)
    rates = None if book is None else book.machines[machine]
    per_hour = None if rates is None else (rates.spot_in(zone) if spot else rates.on_demand)
    if book is None or per_hour is None:
        return None
    return Price(
        machine=machine,
        per_hour=per_hour,
        currency=book.currency,
        spot=spot,
        zone=zone if spot and zone in book.machines[machine].spot_by_zone else "",
        source=book.source,
        as_of=book.as_of,
    )


def cost_of(usage: Usage, price_of: Callable[[bool], Price | None]) -> Cost | None:
    """Return what usage costs, or None if no price is known. ``price_of`` is asked for spot or not.

    What is billed counts before what was used. Some clouds bill spot time at the spot price,
    others bill fewer seconds at the price on demand.
    """
    billed = usage.billed_seconds
    spot = usage.spot and not (usage.discounted and billed is not None)
    price = price_of(spot)
    if price is None:
        return None
    seconds = usage.seconds if billed is None else billed
    return Cost(
        amount=price.per_hour * Decimal(str(seconds)) / _SECONDS_PER_HOUR,
        currency=price.currency,
        basis=Basis.ESTIMATED if billed is None else Basis.METERED,
    )
