"""What a sweep works through, and what things cost there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from blocks.contracts import Endpoints, Inventory, Machines, Monitor, ObjectStore, Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The contracts that a sweep works through."""

    inventories: Sequence[Inventory]
    endpoints: Endpoints
    monitor: Monitor
    store: ObjectStore
    prices: Prices

    def per_day(self, machines: Sequence[Machines]) -> tuple[Decimal | None, str]:
        """Return what machines cost a day, and in which currency; None if a price is unknown."""
        total, currency = Decimal(0), ""
        for each in machines:
            price = self.prices.price(each.machine, spot=each.spot)
            if price is None or currency not in ("", price.currency):
                return None, ""
            total, currency = total + 24 * each.count * price.per_hour, price.currency
        return (total, currency) if machines else (None, "")
