"""Profiles merge, subtract and come back from bytes exactly, whatever the order of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.drift import levels
from tasks.drift.axes import Axes, Axis, axes_of
from tasks.drift.histogram import MIDDLES, BinCounter, Histogram
from tasks.drift.levels import Levels
from tasks.drift.profile import MissingColumns, Profile, ProfileMismatch, Tally, empty
from tasks.drift.reference import reference_from
from tasks.drift.storage import UnreadableProfile, from_bytes, to_bytes

AXES = Axes(
    columns=(
        Axis(name="x", numeric=True, centre=2.0, scale=0.5),
        Axis(name="c", numeric=False, named=("a", "b")),
    )
)
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
TEXTS = st.one_of(st.none(), st.text(max_size=3))
ROWS = st.lists(st.tuples(NUMBERS, TEXTS), max_size=40)
PATIENT = settings(deadline=None, max_examples=50)  # other work shares the machine
Rows = Sequence[tuple[float | None, str | None]]


def table(rows: Rows) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            pa.array([x for x, _ in rows], pa.float64()),
            pa.array([c for _, c in rows], pa.string()),
        ],
        names=["x", "c"],
    )


def profile(rows: Rows, axes: Axes = AXES) -> Profile:
    tally = Tally(axes)
    tally.add(table(rows))
    return tally.profile()


def bins(values: Sequence[float], *, centre: float = 0.0, scale: float = 1.0) -> Histogram:
    counter = BinCounter(centre, scale)
    counter.add(np.array(values))
    return counter.result()[0]


@PATIENT
@given(ROWS, ROWS)
def test_merging_is_the_same_as_profiling_everything_at_once(one: Rows, two: Rows) -> None:
    assert profile(one) + profile(two) == profile([*one, *two])


@PATIENT
@given(ROWS, ROWS, ROWS)
def test_merging_takes_any_order_and_grouping(one: Rows, two: Rows, three: Rows) -> None:
    a, b, c = profile(one), profile(two), profile(three)
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


@PATIENT
@given(ROWS, ROWS)
def test_subtraction_undoes_merging(one: Rows, two: Rows) -> None:
    assert (profile(one) + profile(two)) - profile(two) == profile(one)
    assert profile(one) - profile(one) == empty(AXES)


@PATIENT
@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: Rows, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert profile(shuffled) == profile(rows)


@PATIENT
@given(ROWS)
def test_no_row_is_lost(rows: Rows) -> None:
    found = profile(rows)
    assert {name: column.rows for name, column in found.columns.items()} == {
        "x": len(rows),
        "c": len(rows),
    }
    missing = sum(x is None or np.isnan(x) for x, _ in rows)
    assert found.columns["x"].missing == missing


@PATIENT
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_a_reference_comes_back_from_its_bytes(batches: list[Rows]) -> None:
    named = ((f"b{number}", table(rows)) for number, rows in enumerate(batches))
    reference = reference_from(named, AXES, model="m 1")
    assert from_bytes(to_bytes(reference)) == reference


def test_batches_come_in_any_order_and_in_pieces() -> None:
    first: Rows = [(1.0, "a")]
    second: Rows = [(None, "z")]
    names = [f"b{number:02}" for number in range(20)]
    straight = ((name, table([*first, *second])) for name in names)
    pieces = ((name, table(part)) for part in (second, first) for name in reversed(names))
    assert reference_from(straight, AXES) == reference_from(pieces, AXES)


def test_leaving_one_batch_out_is_profiling_the_others() -> None:
    parts: dict[str, Rows] = {"a": [(1.0, "a")], "b": [(2.0, "b"), (3.0, None)], "c": [(9.0, "c")]}
    reference = reference_from(((name, table(rows)) for name, rows in parts.items()), AXES)
    assert reference.without("b") == profile([*parts["a"], *parts["c"]])


@PATIENT
@given(st.lists(ROWS, min_size=2, max_size=5), st.data())
def test_any_batch_can_be_left_out_without_reading_the_others_again(
    batches: list[Rows], data: st.DataObject
) -> None:
    out = data.draw(st.integers(0, len(batches) - 1))
    named = ((f"b{number}", table(rows)) for number, rows in enumerate(batches))
    others = [row for number, rows in enumerate(batches) if number != out for row in rows]
    assert reference_from(named, AXES).without(f"b{out}") == profile(others)


@PATIENT
@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=60, unique=True))
def test_bins_keep_the_order_of_values(values: list[float]) -> None:
    keys = [int(bins([value]).keys[0]) for value in sorted(values)]
    assert keys == sorted(keys)


@PATIENT
@given(st.floats(1e-6, 1e6), st.booleans())
def test_the_middle_of_a_bin_is_within_one_part_in_128_of_the_value(value: float, up: bool) -> None:
    value = value if up else -value
    middle = MIDDLES[bins([value]).keys[0]]
    assert abs(middle - value) <= abs(value) / 128


@PATIENT
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_rise(values: list[float], one: float, two: float) -> None:
    found = bins(values)
    assert found.quantile(min(one, two)) <= found.quantile(max(one, two))


def test_a_profile_does_not_grow_with_the_rows() -> None:
    random = np.random.default_rng(0)
    sizes = []
    for rows in (50_000, 500_000):
        tally = Tally(AXES)
        for _ in range(rows // 50_000):
            x = pa.array(random.normal(size=50_000))
            c = pa.array(random.integers(0, 100_000, size=50_000)).cast(pa.string())
            tally.add(pa.RecordBatch.from_arrays([x, c], names=["x", "c"]))
        found = tally.profile()
        text, numbers = found.columns["c"], found.columns["x"]
        assert isinstance(text, Levels)
        assert isinstance(numbers, Histogram)
        assert found.rows == rows
        sizes.append((len(text.counts), len(numbers.keys)))
    assert sizes[0][0] == sizes[1][0] == levels.LIMIT
    assert sizes[1][1] < 2 * sizes[0][1]  # ten times the rows reach a few more bins near zero


@settings(parent=PATIENT, max_examples=10)
@given(st.data())
def test_beyond_the_bound_merging_still_takes_any_order(data: st.DataObject) -> None:
    seeds = data.draw(st.lists(st.integers(0, 9), min_size=3, max_size=3))
    parts = []
    for seed in seeds:
        names = np.random.default_rng(seed).integers(0, 9000, size=4000).tolist()
        parts.append(profile([(0.0, "a")] * 5 + [(0.0, str(name)) for name in names]))
    one, two, three = parts
    merged = (one + two) + three
    assert merged == three + (two + one)
    text = merged.columns["c"]
    assert isinstance(text, Levels)
    assert text.counts["a"] == 15
    assert text.rows == 3 * 4005


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int8(), [1, 2, None]),
        (pa.uint64(), [1, 2**63, None]),
        (pa.float16(), [1.0, 2.0, None]),
        (pa.decimal128(5, 2), [1, 2, None]),
        (pa.date32(), [1, 2, None]),
        (pa.timestamp("us", "UTC"), [1, 2, None]),
        (pa.duration("s"), [1, 2, None]),
        (pa.time64("us"), [1, 2, None]),
        (pa.bool_(), [True, False, None]),
        (pa.string(), ["a", "b", None]),
        (pa.large_string(), ["a", "b", None]),
    ],
)
def test_every_plain_type_is_profiled(kind: pa.DataType, values: list[object]) -> None:
    rows = pa.RecordBatch.from_arrays([pa.array(values, kind)], names=["x"])
    tally = Tally(axes_of(pa.table(rows)))
    tally.add(rows)
    column = tally.profile().columns["x"]
    assert (column.values, column.missing) == (2, 1)


def test_a_moment_counts_alike_in_whatever_unit() -> None:
    """Parquet of pandas may have nanoseconds, and Spark reads and sends microseconds."""
    seconds = pa.array([1_700_000_000 + 60 * each for each in range(500)], pa.timestamp("s"))
    tables = [pa.table({"at": seconds.cast(pa.timestamp(unit))}) for unit in ("us", "ns", "ms")]
    axes = axes_of(tables[0])
    profiles = []
    for each in tables:
        assert axes_of(each) == axes
        tally = Tally(axes)
        tally.add(each.to_batches()[0])
        profiles.append(tally.profile())
    assert profiles[1:] == profiles[:1] * 2


def test_lists_and_identifiers_are_left_out() -> None:
    table = pa.table(
        {
            "list": [[1]] * 1000,
            "id": [str(number) for number in range(1000)],
            "x": list(range(1000)),
        }
    )
    assert axes_of(table).names == ("x",)


def test_numbers_that_are_names_are_counted_by_value() -> None:
    rows = pa.RecordBatch.from_pydict({"code": [7, 7, 8]})
    tally = Tally(axes_of(pa.table(rows), categorical=["code"]))
    tally.add(rows)
    column = tally.profile().columns["code"]
    assert isinstance(column, Levels)
    assert column.counts == {"7": 2, "8": 1}


def test_numbers_that_arrive_as_text_are_read_and_the_rest_is_missing() -> None:
    tally = Tally(AXES.only(["x"]))
    tally.add(pa.RecordBatch.from_pydict({"x": ["2", "oops", None]}))
    column = tally.profile().columns["x"]
    assert (column.values, column.missing) == (1, 2)


def test_a_column_that_is_gone_is_named() -> None:
    with pytest.raises(MissingColumns, match="'c'"):
        Tally(AXES).add(pa.RecordBatch.from_pydict({"x": [1.0]}))


def test_profiles_with_other_axes_are_not_mixed() -> None:
    other = Axes(columns=(AXES.columns[0].model_copy(update={"centre": 3.0}), AXES.columns[1]))
    with pytest.raises(ProfileMismatch):
        profile([(1.0, "a")]) + profile([(1.0, "a")], other)


def test_rows_that_are_not_there_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="contains it"):
        profile([(1.0, "a")]) - profile([(5.0, "a")])
    with pytest.raises(ValueError, match="contains it"):
        profile([(1.0, "a")]) - profile([(1.0, "b")])


@pytest.mark.parametrize("content", [b"", b"no profile", b"PK\x05\x06" + b"\0" * 18])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableProfile):
        from_bytes(content)


def test_a_profile_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = reference_from(iter([("a", table([(1.0, "a")]))]), AXES)
    monkeypatch.setattr("tasks.drift.storage.VERSION", 2)
    content = to_bytes(reference)
    monkeypatch.undo()
    with pytest.raises(UnreadableProfile, match="version 2"):
        from_bytes(content)
