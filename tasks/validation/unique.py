"""Shows that values are unique without comparing them: their 64-bit hashes all differ.

Equal values have equal hashes, so hashes without a repetition prove it. With a repetition nothing
is known (it happens by chance in one of some 400,000 data sets of ten million rows), and the values
themselves have to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.validation.parquet import VIEW, quoted

PART = 1 << 25
"""Hashes in memory at a time, 256 MB; of more rows, each reading takes a part of the hashes."""


def surely_unique(
    base: duckdb.DuckDBPyConnection, rows: int, columns: Sequence[str], *, part: int = PART
) -> bool:
    """Whether no two rows have the same values in those columns; False = it cannot be told.

    Of one column, rows without a value do not count. Of several, missing values are values, so that
    the answer holds however Great Expectations is told to treat them.
    """
    names = ", ".join(quoted(name) for name in columns)
    filled = f"{names} is not null" if len(columns) == 1 else "true"
    parts = rows // part + 1
    hashes = f"select hash({names}) as hashed from {VIEW} where {filled}"
    queries = (f"select hashed from ({hashes}) where hashed % {parts} = {k}" for k in range(parts))
    return all(_all_differ(base.sql(query), 2 * rows // parts + 1000) for query in queries)


def _all_differ(rows: duckdb.DuckDBPyRelation, room: int) -> bool:
    hashes: npt.NDArray[np.uint64] = np.empty(room, dtype=np.uint64)
    size = 0
    for batch in pa.RecordBatchReader.from_stream(rows):
        if size + len(batch) > room:
            return False  # a part so large is made of equal values
        hashes[size : size + len(batch)] = batch.column(0).to_numpy()
        size += len(batch)
    found = hashes[:size]
    found.sort()
    return not bool((found[1:] == found[:-1]).any())
