"""What a sweep has found, thing by thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from blocks.contracts import Frozen, Resource
from tasks.costs.money import shown


class Standing(StrEnum):
    """Whether somebody wants a thing."""

    WANTED = "wanted"
    ORPHAN = "orphan"  # ours, and nobody wants it
    UNKNOWN = "unknown"  # this store cannot tell: another one may want it; it is left alone


class Found(Frozen):
    """One thing that exists. ``resource``, ``variant`` or ``uris`` is what there is to remove."""

    provider: str
    kind: str
    name: str
    standing: Standing
    why: str
    since: datetime
    per_day: Decimal | None = None  # None = unknown, never zero
    currency: str = ""
    size: int | None = None  # bytes, of objects
    resource: Resource | None = None
    endpoint: str = ""
    variant: str = ""
    uris: tuple[str, ...] = ()

    def row(self, now: datetime) -> Mapping[str, str]:
        """Return it for a table."""
        money = "unknown" if self.per_day is None else f"{shown(self.per_day)} {self.currency}"
        return {
            "provider": self.provider,
            "kind": self.kind,
            "name": self.name,
            "standing": self.standing.value,
            "why": self.why,
            "age": age(now - self.since),
            "a day": money if self.size is None else f"{self.size / 1e6:,.1f} MB kept",
        }


class SweepReport(Frozen):
    """What exists, and what was done about it."""

    at: datetime
    found: tuple[Found, ...]
    removed: tuple[str, ...] = ()  # kind and name
    failed: tuple[str, ...] = ()  # kind, name and why it is still there
    unseen: tuple[str, ...] = ()  # inventories that could not be read, and why

    @property
    def orphans(self) -> tuple[Found, ...]:
        """What nobody wants."""
        return tuple(each for each in self.found if each.standing is Standing.ORPHAN)

    @property
    def title(self) -> str:
        """The whole of it in one line."""
        orphans = self.orphans
        known = [each for each in orphans if each.per_day is not None]
        total = sum((each.per_day for each in known if each.per_day), Decimal(0))
        currency = next((each.currency for each in known if each.currency), "")
        size = sum(each.size or 0 for each in orphans) / 1e6
        return (
            f"{len(orphans)} of {len(self.found)} things are left behind: "
            f"{shown(total)} {currency} a day and {size:,.1f} MB"
        )

    def table(self) -> list[Mapping[str, str]]:
        """Return one row a thing, what was left behind first."""
        order = (Standing.ORPHAN, Standing.UNKNOWN, Standing.WANTED)
        return [
            each.row(self.at)
            for each in sorted(self.found, key=lambda it: order.index(it.standing))
        ]


def age(time: timedelta) -> str:
    """Return a time for people, in its largest unit."""
    seconds = max(time.total_seconds(), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
