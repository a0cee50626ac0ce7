"""A name for exactly this data, whatever the order of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0xD6E8FEB86659FD93)
_WORD = 1 << 64

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What is counted of some rows; the sums of parts are those of the whole."""

    rows: int = 0
    hashes: int = 0
    squares: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            rows=self.rows + other.rows,
            hashes=(self.hashes + other.hashes) % _WORD,
            squares=(self.squares + other.squares) % _WORD,
        )


def fingerprint(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """Return a digest of columns, types and rows; constant memory, any order and grouping of rows.

    Row hashes (pandas, SipHash of every value) are added modulo 2**64, and so are their squares, so
    that no two rows can cancel out. It tells data sets apart; it is no defence against an attacker.
    """
    return fingerprint_of(schema, sums_of(batches))


def sums_of(batches: Iterable[pa.RecordBatch]) -> Sums:
    """Return what is counted of rows for their fingerprint."""
    return sum((_sums(row_hashes(batch)) for batch in batches), Sums())


def fingerprint_of(schema: pa.Schema, sums: Sums) -> str:
    """Return the fingerprint of rows that were counted, of which these are the columns."""
    columns = ",".join(f"{each.name}:{each.type}" for each in schema)
    text = f"{columns}|{sums.rows}|{sums.hashes}|{sums.squares}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _sums(hashes: Hashes) -> Sums:
    with np.errstate(over="ignore"):
        total, squares = hashes.sum(dtype=np.uint64), (hashes * hashes).sum(dtype=np.uint64)
    return Sums(rows=len(hashes), hashes=int(total), squares=int(squares))


def row_hashes(batch: pa.RecordBatch) -> Hashes:
    """Return a hash of each row: of the same values, the same one."""
    hashes = np.zeros(batch.num_rows, dtype=np.uint64)
    for column in batch.columns:
        hashes = hashes * _ODD + _values(column)
    return hashes


def _values(column: pa.Array) -> Hashes:
    """Hash one column. A missing value must not turn its neighbours into floats, as pandas does."""
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if missing.all():
        return np.full(len(column), _MISSING)
    if missing.any():
        column = pc.fill_null(column, column[int(np.argmin(missing))])
    return np.where(missing, _MISSING, _hashed(column))


def _hashed(column: pa.Array) -> Hashes:
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or _is_moment(kind)):
        return _of_words(column)
    hashes: Hashes = pd.util.hash_array(column.to_numpy(zero_copy_only=False))
    return hashes


def _of_words(column: pa.Array) -> Hashes:
    """Hash each different value once: texts repeat."""
    if pa.types.is_nested(column.type) or pa.types.is_decimal(column.type):
        column = pa.array([repr(value) for value in column.to_pylist()])
    coded = column.dictionary_encode()
    words: npt.NDArray[np.object_] = coded.dictionary.to_numpy(zero_copy_only=False)
    if not _is_text(coded.dictionary.type):
        words = np.array([str(value) for value in words], dtype=object)
    known: Hashes = pd.util.hash_array(words, categorize=False)
    hashes: Hashes = known[coded.indices.to_numpy()]
    return hashes


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_duration(kind))
