"""What was seen of a data set, batch by batch: the evidence that checks are derived from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from blocks.contracts import Frozen

STEADY = 0.3  # share of a column's range that each batch of a steady one spans


class Kind(StrEnum):
    """What a column holds, as far as checks care."""

    NUMBER = "number"
    TEXT = "text"
    TIME = "time"  # low and high are seconds since 1970
    OTHER = "other"


class Values(Frozen):
    """One column in one batch. Numbers are None where there is none, or no number."""

    rows: int
    missing: int
    distinct: int  # approximately
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    spread: float | None = None  # standard deviation, of a sample
    median: float | None = None  # approximately
    commonest: float | None = None  # share of the values that are the most frequent number
    foreign: int = 0  # texts with letters beyond ASCII
    garbled: int = 0  # texts that were read in another encoding than they were written in

    @property
    def missing_rate(self) -> float:
        """Share of the rows without a value."""
        return self.missing / self.rows if self.rows else 0.0


class Column(Frozen):
    """One column in all batches."""

    name: str
    type: str  # as pandas names it; empty for one that no suite names
    kind: Kind
    batches: Mapping[str, Values]
    levels: tuple[str, ...] | None = None  # its values, if it is text and they are not too many
    frequent: tuple[str, ...] = ()  # values with enough rows to be judged by themselves

    def each(self, what: str) -> list[float]:
        """Return one number by batch, where there is one."""
        found = (getattr(values, what) for values in self.batches.values())
        return [float(value) for value in found if value is not None]

    @property
    def steady(self) -> bool:
        """Whether every batch spans most of what all span together: it does not move in time."""
        spans = [
            values.high - values.low
            for values in self.batches.values()
            if values.low is not None and values.high is not None
        ]
        whole = max(self.each("high"), default=0.0) - min(self.each("low"), default=0.0)
        return bool(spans) and min(spans) >= STEADY * whole

    @property
    def readable(self) -> bool:
        """Whether it has letters beyond ASCII, all of them as they were written."""
        return any(self.each("foreign")) and not any(self.each("garbled"))

    @property
    def constant(self) -> bool:
        """Whether there is one value in all of it."""
        if self.levels is not None:
            return len(self.levels) == 1
        if self.kind is Kind.TIME:
            return False
        low, high = self.each("low"), self.each("high")
        return bool(low) and min(low) == max(high)


class Dependency(Frozen):
    """Columns whose values determine another column's."""

    by: tuple[str, ...]
    column: str
    groups: int  # different values of ``by``


class Ratio(Frozen):
    """Two columns of numbers that rise and fall together."""

    over: str
    under: str
    correlation: float  # by row
    batches: Mapping[str, float]  # ratio of the sums over rows that have both


class Order(Frozen):
    """Two columns of numbers that are like each other, of which one is mostly the larger one."""

    one: str
    other: str
    batches: Mapping[str, float]  # share of the rows with one > other, of those where they differ


class Profile(Frozen):
    """Everything that checks are derived from. Small: it does not grow with the rows."""

    name: str
    batch: str  # the column that names the batch of a row
    batches: tuple[str, ...]  # those that are accepted, in order of acceptance
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()  # columns of which no two rows agree
    repeated: Mapping[str, float] = {}  # by batch, share of rows that repeat another; with no key
    dependencies: tuple[Dependency, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    orders: tuple[Order, ...] = ()
    season: int | None = None  # batches after which everything natural has been seen

    @property
    def seasoned(self) -> bool:
        """Whether a full season has been seen."""
        return self.season is not None and len(self.batches) >= self.season

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return next(each for each in self.columns if each.name == name)

    def rows(self) -> list[int]:
        """Return the rows of each batch."""
        first = self.columns[0].batches
        return [first[batch].rows for batch in self.batches]

    def slices(self) -> Iterator[str]:
        """Yield columns with two values or more that are worth a look of their own."""
        for column in self.columns:
            if column.name != self.batch and len(column.frequent) > 1:
                yield column.name


def merged(one: Profile, other: Profile) -> Profile:
    """Return what both have seen; batches of ``other`` come last, and replace those of that name.

    What holds in only one of the two holds no more: keys, dependencies, ratios, orders.
    """
    theirs = {column.name: column for column in other.columns}
    columns = [
        _both(column, theirs[column.name]) for column in one.columns if column.name in theirs
    ]
    names = {column.name for column in one.columns}
    columns += [column for column in other.columns if column.name not in names]
    dependencies = {(each.by, each.column): each for each in other.dependencies}
    ratios = {(each.over, each.under): each for each in other.ratios}
    orders = {(each.one, each.other): each for each in other.orders}
    return one.model_copy(
        update={
            "batches": (*(b for b in one.batches if b not in other.batches), *other.batches),
            "columns": tuple(columns),
            "key": one.key if one.key == other.key else (),
            "repeated": {**one.repeated, **other.repeated},
            "dependencies": tuple(
                each for each in one.dependencies if (each.by, each.column) in dependencies
            ),
            "ratios": tuple(
                each.model_copy(update={"batches": {**each.batches, **found.batches}})
                for each in one.ratios
                if (found := ratios.get((each.over, each.under)))
            ),
            "orders": tuple(
                each.model_copy(update={"batches": {**each.batches, **also.batches}})
                for each in one.orders
                if (also := orders.get((each.one, each.other)))
            ),
        }
    )


def _both(one: Column, other: Column) -> Column:
    return one.model_copy(
        update={
            "type": other.type,
            "batches": {**one.batches, **other.batches},
            "levels": _union(one.levels, other.levels),
            "frequent": tuple(sorted({*one.frequent, *other.frequent})),
        }
    )


def _union(one: Sequence[str] | None, other: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if one is None or other is None else tuple(sorted({*one, *other}))
