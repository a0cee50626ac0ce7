"""What work costs: usage as metered, times a price someone stands behind."""

from __future__ import annotations

import abc
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, final

from blocks.contracts.base import Contract
from blocks.contracts.operation import Frozen, Usage


class Basis(StrEnum):
    """How good the number is."""

    BILLED = "billed"  # taken from the provider's bill
    METERED = "metered"  # provider's metered seconds times its price
    ESTIMATED = "estimated"  # our wall clock times a list price


class Cost(Frozen):
    """An amount of money, and how good the number is."""

    amount: Decimal
    currency: str
    basis: Basis


class Price(Frozen):
    """What a machine costs by the hour, where that was read, and when."""

    machine: str
    per_hour: Decimal
    currency: str
    spot: bool
    zone: str = ""  # whose price it is, where zones have prices of their own
    source: str
    as_of: date


class Prices(Contract):
    """Say what machines and work cost. Unknown is None, never zero."""

    capability: ClassVar[str] = "prices"

    @final
    def price(self, machine: str, *, spot: bool = False, zone: str = "") -> Price | None:
        """Return the hourly price, or None if no price is known.

        Without a zone, and where zones have no prices of their own: a price that holds anywhere.
        """
        with self._calling("price"):
            return self._price(machine, spot, zone)

    @final
    def cost(self, usage: Usage) -> Cost | None:
        """Return what ``usage`` costs, or None if no price is known."""
        with self._calling("cost"):
            return self._cost(usage)

    @abc.abstractmethod
    def _price(self, machine: str, spot: bool, zone: str) -> Price | None: ...
    @abc.abstractmethod
    def _cost(self, usage: Usage) -> Cost | None: ...
