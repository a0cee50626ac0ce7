"""What work on this machine costs, by a price book that its owner can replace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, ValidationError

from blocks.contracts import (
    Basis,
    Cost,
    Frozen,
    InvalidRequest,
    Price,
    Prices,
    ProviderError,
    Usage,
)
from blocks.providers.local.account import LocalMachine

_SHIPPED = Path(__file__).with_name("prices.json")
_SECONDS_PER_HOUR = 3600


class HourlyRates(Frozen):
    """What one machine costs by the hour; without a spot price, none is known."""

    on_demand: Decimal = Field(ge=0)
    spot: Decimal | None = Field(default=None, ge=0)


class PriceBook(Frozen):
    """Prices with the place and the day where they were read."""

    currency: str
    machines: Mapping[str, HourlyRates]
    source: str
    as_of: date


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

    def _price(self, machine: str, spot: bool) -> Price | None:
        book = next((book for book in self._books() if machine in book.machines), None)
        rates = None if book is None else book.machines[machine]
        per_hour = None if rates is None else (rates.spot if spot else rates.on_demand)
        if book is None or per_hour is None:
            return None
        return Price(
            machine=machine,
            per_hour=per_hour,
            currency=book.currency,
            spot=spot,
            source=book.source,
            as_of=book.as_of,
        )

    def _cost(self, usage: Usage) -> Cost | None:
        price = self._price(usage.machine, usage.spot)
        if price is None:
            return None
        metered = usage.billed_seconds is not None
        seconds = usage.billed_seconds if usage.billed_seconds is not None else usage.seconds
        return Cost(
            amount=price.per_hour * Decimal(str(seconds)) / _SECONDS_PER_HOUR,
            currency=price.currency,
            basis=Basis.METERED if metered else Basis.ESTIMATED,
        )

    def _books(self) -> Iterator[PriceBook]:
        own = self.machine.workspace / "prices.json"
        for file in (own, _SHIPPED):
            if file.exists():
                yield _book(file)


def _book(file: Path) -> PriceBook:
    try:
        return PriceBook.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InvalidRequest(
            f"{file} is no price book ({error.error_count()} faults, first: "
            f"{error.errors()[0]['loc']} {error.errors()[0]['msg']}); see {_SHIPPED} for the form",
            code="PRICE_BOOK",
        ) from error
