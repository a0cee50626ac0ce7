"""Makes the data sets of the example: the flights of the example beside it, by how they arrive."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from examples.flights.prepare import PARTS, prepare

HERE = Path(__file__).parent
CLASSES = """
    case
        when arr_delay < -15 then 'early'
        when arr_delay <= 15 then 'on time'
        when arr_delay <= 60 then 'late'
        else 'very late'
    end as arrival
"""
MONTHS = ("train", "holdout", "months/2013-05")


def prepare_arrivals(folder: Path) -> dict[str, int]:
    """Write the Parquet files below ``folder``; return the number of rows of each."""
    return prepare(folder, truth=CLASSES, parts={name: PARTS[name] for name in MONTHS})


def main() -> None:
    """Write the data next to this file, or into the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "data"
    rows = csv.writer(sys.stdout, delimiter="\t")
    rows.writerows(prepare_arrivals(folder).items())


if __name__ == "__main__":
    main()
