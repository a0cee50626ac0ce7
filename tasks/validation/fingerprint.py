"""A name for exactly this data, whatever the order of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0xD6E8FEB86659FD93)

Hashes = npt.NDArray[np.uint64]


def fingerprint(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """Return a digest of columns, types and rows; constant memory, any order and grouping of rows.

    Row hashes (pandas, SipHash of every value) are added modulo 2**64, and so are their squares, so
    that no two rows can cancel out. It tells data sets apart; it is no defence against an attacker.
    """
    rows, total, squares = 0, np.uint64(0), np.uint64(0)
    for batch in batches:
        hashes = _rows(batch)
        with np.errstate(over="ignore"):
            total += hashes.sum(dtype=np.uint64)
            squares += (hashes * hashes).sum(dtype=np.uint64)
        rows += len(hashes)
    columns = ",".join(f"{each.name}:{each.type}" for each in schema)
    text = f"{columns}|{rows}|{int(total)}|{int(squares)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _rows(batch: pa.RecordBatch) -> Hashes:
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
