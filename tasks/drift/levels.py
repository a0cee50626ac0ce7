"""Counts of the values of a category, exact for up to 4,096 values, bounded beyond.

Beyond the bound the values with the smallest hashes stay (a bottom-k sample, Cohen and Kaplan,
PODC 2007), with exact counts, besides the frequent ones that the axis names; the rest is counted
together. Which values stay does not depend on the order, so merging is associative.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LIMIT = 4096  # values kept besides the ones the axis names


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """How often each value was seen; the rest beyond the bound; the rows without a value."""

    counts: Mapping[str, int]
    other: int = 0
    missing: int = 0

    @property
    def values(self) -> int:
        """Rows that have a value."""
        return sum(self.counts.values()) + self.other

    @property
    def rows(self) -> int:
        """All rows."""
        return self.values + self.missing

    def __sub__(self, part: Levels) -> Levels:
        left = Counter(self.counts)
        left.subtract(part.counts)
        other, missing = self.other - part.other, self.missing - part.missing
        # A value that was dropped from the whole may still be named in the part.
        other += sum(count for count in left.values() if count < 0 and self.other)
        kept = {level: count for level, count in left.items() if count > 0 or not self.other}
        if other < 0 or missing < 0 or any(count < 0 for count in kept.values()):
            raise ValueError("a profile can only be taken away from one that contains it")
        return Levels(
            counts={level: count for level, count in sorted(kept.items()) if count},
            other=other,
            missing=missing,
        )


def merged(parts: Sequence[Levels], named: Iterable[str]) -> Levels:
    """Return all parts together; ``named`` values are never dropped."""
    total: Counter[str] = Counter()
    for each in parts:
        total.update(each.counts)
    return bounded(
        total,
        other=sum(each.other for each in parts),
        missing=sum(each.missing for each in parts),
        named=named,
    )


def bounded(
    counts: Mapping[str, int], *, other: int = 0, missing: int = 0, named: Iterable[str] = ()
) -> Levels:
    """Return these counts, cut down to the values that may stay."""
    kept = frozenset(named)
    free = [level for level in counts if level not in kept]
    if len(free) > LIMIT:
        staying = kept.union(sorted(free, key=_hash)[:LIMIT])
        other += sum(count for level, count in counts.items() if level not in staying)
        counts = {level: count for level, count in counts.items() if level in staying}
    ordered = {level: count for level, count in sorted(counts.items()) if count}
    return Levels(counts=ordered, other=other, missing=missing)


def _hash(level: str) -> tuple[bytes, str]:
    return hashlib.blake2b(level.encode(errors="surrogatepass"), digest_size=8).digest(), level
