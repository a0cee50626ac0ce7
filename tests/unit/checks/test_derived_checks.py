"""Checks that data suggests: clean batches keep them, and broken ones are named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tasks.checks.derive import suite
from tasks.checks.profile import Profile
from tests.unit.checks.weeks import Workbench, named, only, week, weeks


def test_what_it_was_learnt_from_and_the_next_batch_keep_the_suite(
    bench: Workbench, learnt: Profile
) -> None:
    for number in (0, 8):
        assert named(bench.failed(suite(learnt), week(number)), "error") == []


def double(frame: pd.DataFrame, name: str, share: float) -> pd.DataFrame:
    return frame.assign(
        **{name: frame[name].where(frame.index > share * len(frame), 2 * frame[name])}
    )


@pytest.mark.parametrize(
    ("broken", "check", "severity"),
    [
        (lambda f: f.assign(distance=f["distance"] * 1.609), "unit", "error"),
        (lambda f: f.assign(minutes=f["minutes"] * 60), "ratio of distance to minutes", "error"),
        (lambda f: double(f, "distance", 0.1), "city determines distance", "error"),
        (lambda f: pd.concat([f, f.head(3)]), "key", "error"),
        (lambda f: f.head(100), "rows", "error"),
        (lambda f: f.assign(currency="EUR"), "constant", "error"),
        (lambda f: f.assign(score=1.0), "not constant", "error"),
        (lambda f: f.assign(id=f["id"].astype(str)), "type", "error"),
        (lambda f: f.assign(more=1), "columns", "error"),
        (lambda f: f.assign(distance=-f["distance"]), "range", "error"),
        (lambda f: f.assign(city=f["city"].where(f.index > 5)), "missing", "warning"),
        (lambda f: f.assign(city=f["city"].where(f.index > 5, "nowhere")), "new values", "warning"),
        (lambda f: f.assign(score=f["score"] + 2), "location", "warning"),
        (
            lambda f: f.assign(score=f["score"].where(f.index % 2 > 0, 0.1)),
            "stuck score",
            "warning",
        ),
    ],
)
def test_a_defect_is_named_by_its_check(
    bench: Workbench,
    learnt: Profile,
    broken: Callable[[pd.DataFrame], pd.DataFrame],
    check: str,
    severity: str,
) -> None:
    assert check in named(bench.failed(only(check, learnt), broken(week(8))), severity)
    assert named(bench.failed(only(check, learnt), week(8)), severity) == []


@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_times_before_all_that_was_seen_or_a_year_ahead_are_named_and_later_ones_are_not(
    bench: Workbench, zone: str | None
) -> None:
    def at(frame: pd.DataFrame, days: int) -> pd.DataFrame:
        moment = pd.Timestamp("2024-03-01", tz=zone) + pd.Timedelta(days=days)
        return frame.assign(**{"sold at": moment + pd.to_timedelta(frame["id"] % 600, unit="min")})

    learnt = pd.concat([at(week(number), 7 * number) for number in range(4)])
    profile = bench.profile(learnt)
    content, ahead = (only(f"{end} sold at", profile) for end in ("earliest", "latest"))
    fine, first = at(week(40), 280), at(week(0), 0)
    for kept in (content, ahead):
        assert bench.failed(kept, fine) == bench.failed(kept, first) == []
    assert named(bench.failed(ahead, at(week(4), 28 + 365)), "warning") == ["latest sold at"]
    epoch = pd.Timestamp("1970-01-01", tz=zone)
    unset = fine.assign(**{"sold at": fine["sold at"].mask(fine.index < 3, epoch)})
    assert named(bench.failed(content, unset), "error") == ["earliest sold at"]


def like_departures(frame: pd.DataFrame) -> pd.DataFrame:
    """Add a time as planned, as 930 for half past nine, its hour, and the one as it was."""
    random = np.random.default_rng(len(frame))
    hour = 6 + frame["id"] % 15
    planned = 100 * hour + 5 * (frame["id"] % 4)
    late = random.integers(-3, 120, len(frame))
    return frame.assign(planned=planned, real=planned + late, hour=hour)


@pytest.mark.parametrize(
    ("pair", "check", "severity"),
    [
        (("planned", "real"), "order of planned and real", "warning"),
        (("planned", "real"), "planned determines hour", "warning"),
    ],
)
def test_like_columns_that_were_exchanged_are_named(
    bench: Workbench, pair: tuple[str, str], check: str, severity: str
) -> None:
    one, other = pair
    content = only(check, bench.profile(like_departures(weeks(8))))
    fine = like_departures(week(8))
    assert named(bench.failed(content, fine), severity) == []
    broken = fine.assign(**{one: fine[other], other: fine[one]})
    assert named(bench.failed(content, broken), severity) == [check]


def test_columns_that_nobody_could_tell_apart_have_no_order(bench: Workbench) -> None:
    learnt = like_departures(weeks(8))
    twin = learnt["planned"] + np.random.default_rng(3).integers(-5, 6, len(learnt))
    found = bench.profile(learnt.assign(twin=twin)).orders
    assert ("planned", "real") in {(each.one, each.other) for each in found}
    assert ("planned", "twin") not in {(each.one, each.other) for each in found}


def test_rows_that_came_twice_are_named_where_no_columns_are_a_key(bench: Workbench) -> None:
    def keyless(frame: pd.DataFrame) -> pd.DataFrame:
        few = frame.drop(columns="id")
        return pd.concat([few, few.head(2)], ignore_index=True)

    learnt = bench.profile(pd.concat([keyless(week(number)) for number in range(4)]))
    assert learnt.key == ()
    content, fine = only("repeated rows", learnt), keyless(week(4))
    assert bench.failed(content, fine) == bench.failed(content, keyless(week(0))) == []
    twice = pd.concat([fine, fine.head(len(fine) // 20)])
    assert named(bench.failed(content, twice), "error") == ["repeated rows"]


@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_texts_read_in_another_encoding_than_written_in_are_named(
    bench: Workbench, wrong: str
) -> None:
    words = np.array(
        ["Málaga, Übersee", "Århus “Østergade”", "plain", "東京 №5", "CAFÉ»", "à\u00a0la"]
    )
    notes = weeks(4).assign(note=lambda f: words[f.index % len(words)] + f["id"].astype(str))
    content = only("encoding", bench.profile(notes))
    assert [each["kwargs"]["column"] for each in content["expectations"]] == ["note"]
    fine = notes[notes["week"] == "w03"]
    assert bench.failed(content, fine) == []
    garbled = fine.assign(
        note=fine["note"].map(lambda text: text.encode().decode(wrong, errors="replace"))
    )
    assert named(bench.failed(content, garbled), "error") == ["encoding"]
