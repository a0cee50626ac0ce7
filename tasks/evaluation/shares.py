"""The rows of a data set in shares: what one worker scores, alone or beside others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectStore
from tasks.drift.reading import parquet

BATCH = 20_000  # rows scored at a time
ROWS = 1 << 18  # rows of a share, where several are scored at once: seconds of work

Share = Mapping[str, Sequence[int] | None]
"""URIs of Parquet files in order, each with the row groups of it that are meant; None: all."""


def everything(store: ObjectStore, uri: str) -> Share:
    """Return all rows of a data set as one share.

    Raises:
        NoRows: there is no file.
        InvalidRequest: a Delta table has rows that are not those of its files.
    """
    return dict.fromkeys(each.uri for each in parquet(store, uri))


def cut(store: ObjectStore, share: Share, *, most: int = ROWS) -> Iterator[Share]:
    """Yield whole files in shares of about so many rows, in order; large files by row groups."""
    part: dict[str, list[int]] = {}
    rows = 0
    for uri in share:
        with store.open(uri) as file:
            footer = pq.read_metadata(file)
        for group in range(footer.num_row_groups):
            part.setdefault(uri, []).append(group)
            rows += footer.row_group(group).num_rows
            if rows >= most:
                yield part
                part, rows = {}, 0
    if part:
        yield part


def batches(
    store: ObjectStore, share: Share, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a share, as many at a time as are scored together.

    These are of one row group, so that they are the same ones however the rows are cut.
    """
    for uri, groups in share.items():
        with store.open(uri) as file:
            source = pq.ParquetFile(file)
            for group in range(source.num_row_groups) if groups is None else groups:
                yield from source.iter_batches(BATCH, row_groups=[group], columns=columns)
