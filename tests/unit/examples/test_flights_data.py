"""The flights as they are prepared: honest, repeatable, and as the suite says."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from blocks.contracts import ObjectStore
from examples.flights import prepare as flights_of_2013
from tasks.validation.spec import ValidationSpec
from tasks.validation.validated import validated

EXAMPLE = Path(flights_of_2013.__file__).parent
MONTHS = [f"months/2013-{month:02}" for month in range(5, 13)]


def test_preparing_twice_writes_the_same_bytes(flights: Path, tmp_path: Path) -> None:
    flights_of_2013.prepare(tmp_path)
    assert digests(tmp_path) == digests(flights)
    assert len(digests(flights)) == 3 + len(MONTHS)


def digests(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_no_day_is_in_training_and_holdout(flights: Path) -> None:
    days = [
        set(pd.read_parquet(flights / f"{name}.parquet")["flight"].str[-10:])
        for name in ("train", "holdout", "recent")
    ]
    assert all(days)
    assert not days[0] & days[1]
    assert max(days[0] | days[1]) < min(days[2])


@pytest.mark.parametrize("name", ["train", "holdout", "recent", MONTHS[0], MONTHS[-1]])
def test_the_suite_accepts_every_part_of_the_year(
    flights: Path, store: ObjectStore, name: str
) -> None:
    spec = ValidationSpec(suite=(EXAMPLE / "suite.json").as_uri())
    uri = (flights / f"{name}.parquet").as_uri()
    report = validated(store, spec, uri, f"{store.root}/v")
    assert report.passed, [str(check) for check in report.failed]


def raw(name: str) -> Any:
    return pd.read_csv(flights_of_2013.packaged(name))


def test_delays_are_told_as_they_were_known_an_hour_before(flights: Path) -> None:
    """One hour of one airport, worked out flight by flight from the raw table."""
    table = raw("flights.csv.zip")
    table["hour_at"] = pd.to_datetime(table["time_hour"])
    ours = pd.read_parquet(flights / "train.parquet")
    row = ours[(ours.origin == "EWR") & ours.flight.str.endswith("2013-02-08")].iloc[-1]
    match = table[(table.month == 2) & (table.day == 8) & (table.origin == "EWR")]
    match = match[match.carrier + match.flight.astype(str) == row.flight.split("-")[0]]
    full_hour = match.hour_at.iloc[0]
    asked = full_hour - timedelta(hours=1)
    waits = []
    for other in table[table.origin == "EWR"].itertuples():
        scheduled = other.hour_at + timedelta(minutes=other.minute)
        if asked - timedelta(hours=2) <= scheduled < asked:
            known = (asked - scheduled).total_seconds() / 60
            delay = known if pd.isna(other.dep_delay) else max(other.dep_delay, 0.0)
            waits.append(min(delay, known))
    assert row.minutes_behind == pytest.approx(sum(waits) / len(waits), abs=0.01)
    assert len(waits) > 10


def test_the_weather_is_that_of_the_hour_before(flights: Path) -> None:
    weather = raw("weather.csv")
    ours = pd.read_parquet(flights / "train.parquet")
    row = ours[(ours.origin == "JFK") & (ours.departure_hour.between(17, 17.9))].iloc[0]
    day = pd.Timestamp(row.flight[-10:])
    theirs = weather[
        (weather.origin == "JFK")
        & (weather.month == day.month)
        & (weather.day == day.day)
        & (weather.hour == 16)
    ].iloc[0]
    assert (row.temperature, row.visibility) == (theirs.temp, theirs.visib)


def test_flights_that_never_arrived_have_no_truth_and_are_left_out(flights: Path) -> None:
    table = raw("flights.csv.zip")
    may = table[table.month == 5]
    ours = pd.read_parquet(flights / "months/2013-05.parquet")
    assert len(ours) == may.arr_delay.notna().sum() < len(may)
    assert ours.late.mean() == (may.arr_delay.dropna() > 15).mean()
