"""Measures a data set, batch by batch, with DuckDB: in a stream, with memory that stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from blocks.contracts import InvalidRequest
from tasks.batches import in_order
from tasks.checks import relations
from tasks.checks.profile import Column, Kind, Profile, Values
from tasks.validation.parquet import SETTINGS, VIEW, ParquetData, quoted

MOST_LEVELS = 1000  # different values of a text column that are told apart
FREQUENT_ROWS, FREQUENT_SHARE = 500, 0.01  # of a value that is worth a look of its own
TYPES = {  # of Arrow, as a suite names them; an unsigned one by the one that a data base has for it
    **{name: name for name in ("bool", "int8", "int16", "int32", "int64")},
    **{"uint8": "SMALLINT", "uint16": "INTEGER", "uint32": "BIGINT", "uint64": "NUMERIC"},
    **{"string": "str", "large_string": "str", "double": "float64", "float": "float32"},
    "date32[day]": "DATE",
}


FOREIGN = r"[^\x00-\x7f]"
GARBLED = (
    "\ufffd|[\u00c2\u00c3][\u0080-\u00bf\u0152-\u2122]|\u00e2\u20ac"
    "|[\u00c4-\u00f4][\u0080-\u009f\u00a1-\u00aa\u00ac-\u00af\u00b1-\u00b6\u00b8-\u00ba\u00bc-\u00bf]"
)
"""UTF-8 that was read as Latin-1 or Windows-1252: the first byte of a letter, then one of the rest;
and what stands for a byte that could not be read at all. What may follow a letter in its own right,
as a quotation mark or a space that keeps a line together, counts after the most frequent two only.
"""


def measure(
    data: ParquetData,
    folder: Path,
    *,
    batch: str,
    name: str,
    season: int | None = None,
    known: Profile | None = None,
) -> Profile:
    """Return the profile of a data set; ``folder`` is for DuckDB.

    With ``known``, relations of columns are not searched for: those of that profile are kept as far
    as they hold here too. Raises InvalidRequest for a batch column that is not there.
    """
    if batch not in data.schema.names:
        names = ", ".join(data.schema.names)
        raise InvalidRequest(f"--batch {batch}: no such column; use one of {names}", code="BATCH")
    if not data.rows:
        raise InvalidRequest(f"{data.uri} has no rows; there is nothing to learn", code="EMPTY")
    data.database(folder)
    with duckdb.connect(str(folder / "data.duckdb"), config={**SETTINGS, "threads": "2"}) as base:
        base.execute(f"set temp_directory = '{folder / 'spill'}'")
        columns = tuple(_columns(base, data.schema, batch))
        found = relations.search(base, columns, batch=batch, known=known)
    return Profile(
        name=name,
        batch=batch,
        batches=tuple(columns[0].batches),
        columns=columns,
        key=found.key,
        repeated=found.repeated,
        dependencies=found.dependencies,
        ratios=found.ratios,
        orders=found.orders,
        season=season,
    )


def _columns(base: duckdb.DuckDBPyConnection, schema: pa.Schema, batch: str) -> Iterator[Column]:
    for field in schema:
        type_ = field.type
        if pa.types.is_dictionary(type_):  # pandas' categories: text, with another way to store it
            type_ = type_.value_type
        kind = _kind(type_)
        values = _values(base, field.name, kind, batch)
        levels, frequent = _levels(base, field.name) if kind is Kind.TEXT else (None, ())
        yield Column(
            name=field.name,
            type=_named(type_),
            kind=kind,
            batches=values,
            levels=levels,
            frequent=frequent,
        )


def _named(type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_):
        return "datetime64[us, utc]" if type_.tz else "datetime64[us]"
    return TYPES.get(str(type_), "")


def _kind(type_: pa.DataType) -> Kind:
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return Kind.NUMBER
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return Kind.TIME
    text = pa.types.is_string(type_) or pa.types.is_large_string(type_)
    return Kind.TEXT if text else Kind.OTHER


def _values(
    base: duckdb.DuckDBPyConnection, name: str, kind: Kind, batch: str
) -> dict[str, Values]:
    column = quoted(name)
    told = "null, null, null, null, null, 0, 0"
    if kind is Kind.NUMBER:
        told = (
            f"min({column}), max({column}), avg({column}), stddev_samp({column}), "
            f"approx_quantile({column}, 0.5), 0, 0"
        )
    elif kind is Kind.TIME:
        told = f"epoch(min({column})), epoch(max({column})), null, null, null, 0, 0"
    elif kind is Kind.TEXT:
        foreign, garbled = (_matching(column, pattern) for pattern in (FOREIGN, GARBLED))
        told = f"null, null, null, null, null, {foreign}, {garbled}"
    asked = (
        f"select {quoted(batch)}::varchar, count(*), count(*) - count({column}), "
        f"approx_count_distinct({column}), {told} from {VIEW} group by 1"
    )
    found = {str(row[0]): _row(row[1:]) for row in base.execute(asked).fetchall()}
    if kind is Kind.NUMBER:
        for one, share in _commonest(base, column, batch):
            found[one] = found[one].model_copy(update={"commonest": share})
    return {name: found[name] for name in in_order(found)}


def _commonest(
    base: duckdb.DuckDBPyConnection, column: str, batch: str
) -> Iterator[tuple[str, float]]:
    """Yield for each batch the share of the values that are the most frequent one."""
    asked = (
        f"select batch, max(number) / sum(number) from (select {quoted(batch)}::varchar as batch, "
        f"count(*) as number from {VIEW} where {column} is not null group by 1, {column}) "
        "group by 1"
    )
    for name, share in base.execute(asked).fetchall():
        yield str(name), float(share)


def _matching(column: str, pattern: str) -> str:
    return f"count(*) filter (where regexp_matches({column}, '{pattern}'))"


def _row(row: Sequence[Any]) -> Values:
    rows, missing, distinct = (int(value) for value in row[:3])
    low, high, mean, spread, median = (None if x is None else float(x) for x in row[3:8])
    foreign, garbled = (int(value) for value in row[8:])
    return Values(
        rows=rows,
        missing=missing,
        distinct=distinct,
        low=low,
        high=high,
        mean=mean,
        spread=spread,
        median=median,
        foreign=foreign,
        garbled=garbled,
    )


def _levels(
    base: duckdb.DuckDBPyConnection, name: str
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    column = quoted(name)
    asked = (
        f"select {column}, count(*) from {VIEW} where {column} is not null group by 1 "
        f"order by 2 desc limit {MOST_LEVELS + 1}"
    )
    found = base.execute(asked).fetchall()
    if len(found) > MOST_LEVELS:
        return None, ()
    rows = sum(count for _, count in found)
    least = max(FREQUENT_ROWS, FREQUENT_SHARE * rows)
    frequent = tuple(sorted(value for value, count in found if count >= least))
    return tuple(sorted(value for value, _ in found)), frequent
