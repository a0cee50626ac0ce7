"""Twenty columns of numbers and ten of categories, of the kinds that are met in practice."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS, CATEGORIES = 20, 10
LEVELS = (2, 3, 4, 5, 8, 12, 20, 50, 100, 200)
GROUP = 250_000  # rows of a row group


def write(file: Path, rows: int, *, seed: int, shift: float = 0.0) -> None:
    """Write rows piece by piece; ``shift`` moves the first number by so many deviations."""
    random = np.random.default_rng(seed)
    writer: pq.ParquetWriter | None = None
    for start in range(0, rows, GROUP):
        table = pa.table(dict(_columns(random, min(GROUP, rows - start), start, shift)))
        writer = writer or pq.ParquetWriter(file, table.schema, compression="snappy")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _columns(
    random: np.random.Generator, rows: int, start: int, shift: float
) -> Iterator[tuple[str, pa.Array]]:
    for number in range(NUMBERS):
        values = random.normal(size=rows)
        match number % 5:
            case 0:
                values += shift if number == 0 else 0
            case 1:
                values = np.exp(values)
            case 2:
                values = np.round(50 * np.abs(values))
            case 3:
                values = np.where(random.random(rows) < 0.6, 0.0, np.exp(values))
            case _:
                values = 1.7e9 + 86_400 * 30 * random.random(rows)
        yield f"number_{number:02}", pa.array(values)
    for number, levels in enumerate(LEVELS):
        chances = 1 / np.arange(1, levels + 1)
        index = random.choice(levels, size=rows, p=chances / chances.sum()).astype(np.int32)
        names = pa.array([f"value {each}" for each in range(levels)])
        column = pa.DictionaryArray.from_arrays(pa.array(index), names)
        yield f"category_{number:02}", column.cast(pa.string())


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), seed=int(sys.argv[3]))
