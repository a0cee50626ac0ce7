"""What columns have to do with each other: keys, functional dependencies, ratios, orders.

Searched for among few columns at a time, by counting. A relation that holds in all rows of all
batches is offered as a check; that it holds by chance is possible, so a person reads the suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite

import duckdb

from tasks.checks import orders
from tasks.checks.profile import Column, Dependency, Kind, Order, Profile, Ratio
from tasks.validation.parquet import VIEW, quoted

EXACT = 0.01  # by how much, relatively, numbers may differ that are determined: they are rounded
DETERMINING = 2000  # different values at most, of what determines another column
ROWS_A_GROUP = 10.0  # on average: fewer agree by chance
GROUPS = 10  # different values at least
CORRELATION = 0.95  # by row, of columns whose ratio is watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """What was found."""

    key: tuple[str, ...]
    repeated: Mapping[str, float]
    dependencies: tuple[Dependency, ...]
    ratios: tuple[Ratio, ...]
    orders: tuple[Order, ...]


def search(
    base: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    *,
    batch: str,
    known: Profile | None,
) -> Relations:
    """Look for relations in the view; with ``known``, see which of its own hold here too."""
    by_name = {column.name: column for column in columns}
    names = set(by_name)
    rows = sum(values.rows for values in columns[0].batches.values())
    if known is not None:
        key = known.key if set(known.key) <= names and _is_key(base, known.key, rows) else ()
        return Relations(
            key=key,
            repeated={} if key else _repeated(base, batch),
            dependencies=tuple(
                each
                for each in known.dependencies
                if {*each.by, each.column} <= names
                and _determined(base, each.by, [by_name[each.column]])
            ),
            ratios=tuple(
                each.model_copy(update={"batches": _seen(base, each.over, each.under, batch)})
                for each in known.ratios
                if {each.over, each.under} <= names
            ),
            orders=tuple(
                each.model_copy(update={"batches": orders.seen(base, each.one, each.other, batch)})
                for each in known.orders
                if {each.one, each.other} <= names
            ),
        )
    others = [column for column in columns if column.name != batch]
    alike = _correlations(base, others)
    key = _key(base, columns, rows)
    return Relations(
        key=key,
        repeated={} if key else _repeated(base, batch),
        dependencies=tuple(_dependencies(base, others, rows)),
        ratios=tuple(_ratios(base, others, alike, batch)),
        orders=tuple(orders.search(base, others, alike, batch)),
    )


def _key(base: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: int) -> tuple[str, ...]:
    """Return a smallest set of names and whole numbers in which no two rows agree, if any does.

    All of them first; then each is left out that is not needed, the least telling ones before.
    """
    counts = {
        column.name: sum(column.each("distinct"))
        for column in columns
        if not any(column.each("missing")) and not column.type.startswith("float")
    }
    key = sorted(counts, key=lambda name: counts[name])
    if not _is_key(base, key, rows):
        return ()
    for name in list(key):
        without = [each for each in key if each != name]
        if _is_key(base, without, rows):
            key = without
    return tuple(key)


def _is_key(base: duckdb.DuckDBPyConnection, names: Sequence[str], rows: int) -> bool:
    if not names:
        return False
    listed = ", ".join(map(quoted, names))
    found = base.execute(f"select count(*) from (select distinct {listed} from {VIEW})").fetchone()
    return found is not None and found[0] == rows


def _repeated(base: duckdb.DuckDBPyConnection, batch: str) -> dict[str, float]:
    """Return for each batch the share of its rows that another one has already, in all columns."""
    name = f"{quoted(batch)}::varchar"
    asked = (
        f"select rows.batch, 1 - differing.number / rows.number from "
        f"(select {name} as batch, count(*) as number from {VIEW} group by 1) as rows join "
        f"(select {name} as batch, count(*) as number from (select distinct * from {VIEW}) "
        "group by 1) as differing on rows.batch is not distinct from differing.batch"
    )
    return {str(found): float(share) for found, share in base.execute(asked).fetchall()}


def _dependencies(
    base: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: int
) -> Iterator[Dependency]:
    texts = [
        column.name
        for column in columns
        if column.levels is not None and 1 < len(column.levels) <= DETERMINING
    ]
    targets = [column for column in columns if not column.constant]
    yield from _of_numbers(base, targets, rows)
    by_one: dict[str, set[str]] = {}
    for by in [*((name,) for name in texts), *combinations(texts, 2)]:
        known = set().union(*(by_one.get(name, set()) for name in by)) if len(by) > 1 else set()
        free = [each for each in targets if each.name not in by and each.name not in known]
        groups = _groups(base, by)
        if not free or groups < GROUPS or rows / groups < ROWS_A_GROUP:
            continue
        found = _determined(base, by, free)
        if len(by) == 1:
            by_one[by[0]] = set(found)
        for column in found:
            yield Dependency(by=by, column=column, groups=groups)


def _of_numbers(
    base: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: int
) -> Iterator[Dependency]:
    """Yield what whole numbers say of other numbers, as an hour that is part of a time."""
    numbers = [column for column in columns if column.kind is Kind.NUMBER]
    for column in numbers:
        if "int" not in column.type or max(column.each("distinct")) > DETERMINING:
            continue
        groups = _groups(base, (column.name,))
        if GROUPS <= groups <= min(DETERMINING, rows / ROWS_A_GROUP):
            others = [each for each in numbers if each is not column]
            for name in _determined(base, (column.name,), others) if others else ():
                yield Dependency(by=(column.name,), column=name, groups=groups)


def _groups(base: duckdb.DuckDBPyConnection, by: Sequence[str]) -> int:
    listed = ", ".join(map(quoted, by))
    found = base.execute(f"select count(*) from (select distinct {listed} from {VIEW})").fetchone()
    return int(found[0]) if found else 0


def _determined(
    base: duckdb.DuckDBPyConnection, by: Sequence[str], columns: Sequence[Column]
) -> list[str]:
    """Return the columns that have one value at most in each group."""
    ends = ", ".join(f"{differs(column)} as differs_{i}" for i, column in enumerate(columns))
    any_ = ", ".join(f"bool_or(differs_{i})" for i in range(len(columns)))
    listed = ", ".join(map(quoted, by))
    found = base.execute(
        f"select {any_} from (select {ends} from {VIEW} group by {listed})"
    ).fetchone()
    return [column.name for column, one in zip(columns, found or (), strict=True) if not one]


def differs(column: Column) -> str:
    """Return SQL that tells, of a group, whether the column has different values in it."""
    low, high = f"min({quoted(column.name)})", f"max({quoted(column.name)})"
    if column.kind is Kind.NUMBER:
        return f"{high} - {low} > {EXACT} * greatest(abs({high}), abs({low}))"
    return f"{high} <> {low}"


def _correlations(
    base: duckdb.DuckDBPyConnection, columns: Sequence[Column]
) -> dict[tuple[str, str], float]:
    """Return those of all pairs of numbers that have one."""
    numbers = [column.name for column in columns if column.kind is Kind.NUMBER]
    pairs = list(combinations(numbers, 2))
    if not pairs:
        return {}
    asked = ", ".join(f"corr({quoted(one)}, {quoted(other)})" for one, other in pairs)
    found = base.execute(f"select {asked} from {VIEW}").fetchone() or ()
    both = zip(pairs, found, strict=True)
    return {pair: float(each) for pair, each in both if each is not None and isfinite(each)}


def _ratios(
    base: duckdb.DuckDBPyConnection,
    columns: Sequence[Column],
    correlations: Mapping[tuple[str, str], float],
    batch: str,
) -> Iterator[Ratio]:
    positive = {column.name for column in columns if min(column.each("low"), default=-1.0) >= 0}
    for (one, other), correlation in correlations.items():
        if correlation >= CORRELATION and {one, other} <= positive:
            seen = _seen(base, one, other, batch)
            yield Ratio(over=one, under=other, correlation=correlation, batches=seen)


def _seen(base: duckdb.DuckDBPyConnection, over: str, under: str, batch: str) -> dict[str, float]:
    asked = f"select {quoted(batch)}::varchar, {ratio(over, under)} from {VIEW} group by 1"
    return {name: float(value) for name, value in base.execute(asked).fetchall() if value}


def ratio(over: str, under: str) -> str:
    """Return SQL for the ratio of two sums, over rows that have both."""
    one, other = quoted(over), quoted(under)
    return (
        f"sum(case when {other} is not null then {one} end) / "
        f"nullif(sum(case when {one} is not null then {other} end), 0)"
    )
