"""Checks that data suggests: clean batches keep them, broken ones are named, people decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.contracts import InvalidRequest, ObjectStore
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from tasks.checks.derive import suite
from tasks.checks.measure import measure
from tasks.checks.profile import Profile, merged
from tasks.checks.review import renewed
from tasks.validation.parquet import open_parquet
from tasks.validation.report import Check
from tasks.validation.run import run_suite
from tasks.validation.suite import SuiteRefused, read_suite

ROWS = 600
CITIES = np.array([f"city {number}" for number in range(12)])


def week(number: int, *, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    """Return one batch: a key, a dependency, a ratio, some missing values, a constant."""
    random = np.random.default_rng([seed, number])
    city = random.integers(0, len(CITIES), ROWS)
    distance = 100.0 + 50.0 * city
    return pd.DataFrame(
        {
            "week": f"w{number:02}",
            "id": np.arange(ROWS) + ROWS * number,
            "city": CITIES[city],
            "distance": distance,
            "minutes": distance / 8 * random.normal(1.0, 0.02, ROWS) + shift,
            "score": np.where(random.random(ROWS) < 0.05, np.nan, random.normal(shift, 1, ROWS)),
            "currency": "USD",
        }
    )


def weeks(count: int, *, seed: int = 0) -> pd.DataFrame:
    return pd.concat([week(number, seed=seed) for number in range(count)], ignore_index=True)


class Workbench:
    """Profiles frames and runs suites over them."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self.store, self.folder, self._number = store, folder, 0

    def profile(self, frame: pd.DataFrame, known: Profile | None = None, **more: Any) -> Profile:
        place, uri = self._written(frame)
        data = open_parquet(self.store, uri, place)
        return measure(data, place, batch="week", name="weeks", known=known, **more)

    def failed(self, content: Mapping[str, Any], frame: pd.DataFrame) -> list[Check]:
        place, uri = self._written(frame)
        data = open_parquet(self.store, uri, place)
        name, lines = read_suite(json.dumps(content).encode(), data.schema.names)
        return [
            check
            for check in run_suite(name, lines, data, place, examples=3)[0]
            if not check.passed
        ]

    def _written(self, frame: pd.DataFrame) -> tuple[Path, str]:
        self._number += 1
        place = self.folder / str(self._number)
        place.mkdir()
        frame.to_parquet(place / "rows.parquet", index=False)
        return place, (place / "rows.parquet").as_uri()


@pytest.fixture
def bench(store: ObjectStore, tmp_path: Path) -> Workbench:
    return Workbench(store, tmp_path)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """The profile of the first eight weeks."""
    folder = tmp_path_factory.mktemp("learnt")
    store = LocalStore(machine=LocalMachine(workspace=folder / "workspace"))
    return Workbench(store, folder).profile(weeks(8))


def only(check: str, profile: Profile) -> dict[str, Any]:
    """Return the suite with nothing but the checks of that name: the others take their time."""
    content = suite(profile)
    lines = [each for each in content["expectations"] if each["meta"]["check"] == check]
    return {**content, "expectations": lines}


def named(checks: Sequence[Check], severity: str) -> list[str]:
    return [each.why.partition(":")[0] for each in checks if each.severity == severity]


def lines(profile: Profile) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (each["meta"]["check"], each["kwargs"].get("column", "")): each["kwargs"]
        for each in suite(profile)["expectations"]
    }


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


def test_batches_that_numbers_name_are_learnt_in_their_order(bench: Workbench) -> None:
    days = [week(number).assign(week=number) for number in (10, 8, 2, 9, 11)]
    profile = bench.profile(pd.concat(days))
    assert profile.batches == ("2", "8", "9", "10", "11")
    assert suite(profile)["meta"]["accepted_last"] == "11"


def test_categories_of_pandas_are_checked_as_the_texts_that_they_are(bench: Workbench) -> None:
    learnt = bench.profile(weeks(4).assign(city=lambda f: f["city"].astype("category")))
    unknown = week(4).assign(
        city=lambda f: f["city"].where(f.index > 5, "nowhere").astype("category")
    )
    for check, severity in (("new values", "warning"), ("type", "error")):
        content = only(check, learnt)
        assert "city" in {each["kwargs"]["column"] for each in content["expectations"]}
        found = named(bench.failed(content, unknown), severity)
        assert found == (["new values"] if check == "new values" else [])


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


def test_a_location_that_moves_is_never_a_failure(bench: Workbench, learnt: Profile) -> None:
    content = suite(learnt.model_copy(update={"season": 8}))
    moved = week(8).assign(score=lambda f: f["score"] + 1)
    assert named(bench.failed(content, moved), "error") == []


def test_what_warned_fails_once_a_season_has_been_seen(bench: Workbench, learnt: Profile) -> None:
    unknown = week(8).assign(city=lambda f: f["city"].where(f.index > 5, "nowhere"))
    for season, severity in ((9, "warning"), (8, "error")):
        content = only("new values", learnt.model_copy(update={"season": season}))
        assert "new values" in named(bench.failed(content, unknown), severity)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1000), shift=st.floats(-5, 5), rows=st.integers(50, ROWS))
def test_accepting_a_batch_never_tightens_a_limit(
    bench: Workbench, seed: int, shift: float, rows: int
) -> None:
    """But for units, which are those of the batch that was accepted last."""
    before = bench.profile(weeks(5, seed=seed))
    strange = week(5, seed=seed, shift=shift).head(rows)
    after = merged(before, bench.profile(strange, known=before))
    now = lines(after)
    for name, old in lines(before).items():
        new = now.get(name)
        if new is None or name[0] == "unit":
            continue
        assert new.get("min_value", -np.inf) <= old.get("min_value", np.inf), name
        assert new.get("max_value", np.inf) >= old.get("max_value", -np.inf), name
        assert new.get("mostly", 0) <= old.get("mostly", 1), name
        assert set(new.get("value_set", [])) >= set(old.get("value_set", [])), name


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1000), order=st.permutations([5, 6, 7]))
def test_the_order_of_acceptance_matters_to_units_alone(
    bench: Workbench, seed: int, order: list[int]
) -> None:
    first = bench.profile(weeks(5, seed=seed))
    found = []
    for numbers in ([5, 6, 7], order):
        profile = first
        for number in numbers:
            batch = week(number, seed=seed)
            profile = merged(profile, bench.profile(batch, known=profile))
        found.append({n: line for n, line in lines(profile).items() if n[0] != "unit"})
    assert found[0] == found[1]


def test_what_is_accepted_is_natural_from_then_on(bench: Workbench, learnt: Profile) -> None:
    before = learnt
    strange = week(8).assign(
        city=lambda f: f["city"].where(f.index > 5, "nowhere"), score=lambda f: f["score"] * 4
    )
    assert bench.failed(suite(before), strange)
    after = merged(before, bench.profile(strange, known=before))
    assert bench.failed(renewed(suite(before), before, after), strange) == []


def test_a_column_that_is_new_is_accepted_with_the_batch_that_brings_it(
    bench: Workbench, learnt: Profile
) -> None:
    wider = week(8).assign(more=lambda f: f["distance"] + 1)
    after = merged(learnt, bench.profile(wider, known=learnt))
    new = renewed(suite(learnt), learnt, after)
    assert bench.failed(new, wider) == []
    with pytest.raises(SuiteRefused, match="more"):
        bench.failed(new, week(8))


def test_columns_may_be_called_anything(bench: Workbench) -> None:
    names = {"city": 'a "city" {x}', "distance": "dis{tance", "minutes": "min; drop table data"}
    content = suite(bench.profile(weeks(4).rename(columns=names)))
    assert named(bench.failed(content, week(3).rename(columns=names)), "error") == []
    checks = [line["meta"]["check"] for line in content["expectations"]]
    assert 'a "city" {x} determines dis{tance' in checks


def test_what_people_changed_in_the_suite_stays(bench: Workbench, learnt: Profile) -> None:
    before = learnt
    after = merged(before, bench.profile(week(8), known=before))
    content = suite(before)
    by_hand = {"type": "expect_column_to_exist", "kwargs": {"column": "city"}, "meta": {}}
    kept = [each for each in content["expectations"] if each["meta"]["check"] != "scale"]
    kept[0]["meta"]["severity"] = "warning"
    new = renewed({**content, "expectations": [*kept, by_hand]}, before, after)
    assert [each["meta"].get("check") for each in new["expectations"]] == [
        *(each["meta"]["check"] for each in kept),
        None,
    ]
    assert new["expectations"][0]["meta"]["severity"] == "warning"
    assert new["expectations"][-1] == by_hand
    assert new["meta"]["accepted_last"] == "w08"


@pytest.mark.parametrize(
    "kind",
    [
        *("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64", "float", "bool"),
        *("date32[day]", "timestamp[ns]", "timestamp[us]", "timestamp[ms]", "large_string"),
        *("timestamp[us, tz=UTC]", "decimal128(9, 2)", "list<int64>", "binary"),
    ],
)
def test_a_column_of_any_type_keeps_the_suite_it_was_learnt_from(
    store: ObjectStore, tmp_path: Path, kind: str
) -> None:
    type_ = {
        "float": pa.float32(),
        "date32[day]": pa.date32(),
        "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"),
        "decimal128(9, 2)": pa.decimal128(9, 2),
        "list<int64>": pa.list_(pa.int64()),
    }.get(kind) or pa.type_for_alias(kind)
    if kind.startswith("list"):
        values = pa.array([[number] for number in range(60)], type_)
    elif kind.startswith("decimal"):
        values = pa.array([Decimal(number) for number in range(60)], type_)
    elif kind in {"large_string", "binary"}:
        values = pa.array([str(number) for number in range(60)]).cast(type_)
    else:
        values = pa.array(range(60), pa.int32()).cast(pa.int64() if "stamp" in kind else pa.int32())
        values = values.cast(type_)
    table = pa.table({"week": ["a"] * 30 + ["b"] * 30, "value": values})
    pq.write_table(table, tmp_path / "rows.parquet")
    data = open_parquet(store, (tmp_path / "rows.parquet").as_uri(), tmp_path)
    content = suite(measure(data, tmp_path, batch="week", name="weeks"))
    of_batch = [each for each in content["expectations"] if each["meta"]["check"] != "rows"]
    text = json.dumps({**content, "expectations": of_batch}).encode()
    own = tmp_path / "own"
    own.mkdir()
    name, lines = read_suite(text, data.schema.names)
    checks, _ = run_suite(name, lines, data, own, examples=1)
    failed = [check for check in checks if not check.passed]
    assert named(failed, "error") == []


def test_a_profile_does_not_grow_with_the_rows(bench: Workbench) -> None:
    few, many = weeks(3), pd.concat([weeks(3)] * 10, ignore_index=True)
    sizes = [len(bench.profile(frame).model_dump_json()) for frame in (few, many)]
    assert sizes[1] < 1.1 * sizes[0]


def test_slices_are_values_with_enough_rows(bench: Workbench) -> None:
    large = pd.concat([weeks(10)] * 3, ignore_index=True)
    assert list(bench.profile(large).slices()) == ["city"]
    assert list(bench.profile(weeks(2)).slices()) == []


@pytest.mark.parametrize("batch", ["weak", ""])
def test_a_batch_column_that_is_not_there_is_refused(
    store: ObjectStore, tmp_path: Path, batch: str
) -> None:
    weeks(1).to_parquet(tmp_path / "rows.parquet")
    data = open_parquet(store, (tmp_path / "rows.parquet").as_uri(), tmp_path)
    with pytest.raises(InvalidRequest, match="use one of week, id"):
        measure(data, tmp_path, batch=batch, name="weeks")
