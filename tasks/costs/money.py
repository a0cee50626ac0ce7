"""Amounts of money that may lie between two bounds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from blocks.contracts import Frozen, Price


class Money(Frozen):
    """From ``low`` to ``high``; both are the same where nothing is uncertain."""

    low: Decimal
    high: Decimal
    currency: str

    @property
    def expected(self) -> Decimal:
        """What to reckon with: the lower bound, or the upper one where nothing else is known."""
        return self.low or self.high

    def __str__(self) -> str:
        """Return it for people; small amounts keep two significant digits."""
        low, high = shown(self.low), shown(self.high)
        return f"{low} {self.currency}" if low == high else f"{low} to {high} {self.currency}"


class Parts(Frozen):
    """What a release costs, by part; None where a price is not known."""

    training: Money | None
    rollout: Money | None  # of the second fleet, while both versions are up
    near: Money | None = None  # of jobs near the data; None also where none are asked for

    @property
    def per_version(self) -> Money | None:
        """What the model version takes to make: training, and jobs near the data."""
        return total([self.training, *([self.near] if self.near else [])])

    @property
    def per_run(self) -> Money | None:
        """Training, rollout and jobs near the data together."""
        return total([self.training, self.rollout, *([self.near] if self.near else [])])


def difference(new: Money | None, old: Money | None) -> str:
    """Return for people by how much the new amount is more or less; empty if nobody knows."""
    if new is None or old is None or new.currency != old.currency:
        return ""
    low, high = _signed(new.low - old.low), _signed(new.high - old.high)
    return f"{low} {new.currency}" if low == high else f"{low} to {high} {new.currency}"


def _signed(amount: Decimal) -> str:
    return f"{'-' if amount < 0 else '+'}{shown(abs(amount))}"


def shown(amount: Decimal) -> str:
    """Return an amount with cents, or with two significant digits where cents would hide it."""
    if amount >= 1 or amount == 0:
        return f"{amount:,.2f}"
    return f"{amount:.2f}" if amount >= Decimal("0.1") else f"{amount:.2g}"


def priced(price: Price | None, low: timedelta, high: timedelta, machines: int) -> Money | None:
    """Return what machines cost for a time between two bounds; None without a price."""
    if price is None:
        return None
    rate = price.per_hour * machines
    return Money(low=rate * hours(low), high=rate * hours(high), currency=price.currency)


def total(parts: Iterable[Money | None]) -> Money | None:
    """Return the sum; None if a part is unknown, or if there are several currencies."""
    parts = list(parts)
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts) or len({part.currency for part in known}) > 1:
        return None
    return Money(
        low=sum((part.low for part in known), Decimal(0)),
        high=sum((part.high for part in known), Decimal(0)),
        currency=known[0].currency,
    )


def hours(time: timedelta) -> Decimal:
    """Return a time in hours."""
    return Decimal(time.total_seconds()) / 3600
