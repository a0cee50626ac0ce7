"""Distances agree with scipy, and with what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from tasks.drift.axes import axes_of
from tasks.drift.distances import (
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    largest_change,
    shares,
    stability,
    wasserstein,
)
from tasks.drift.profile import Tally
from tasks.drift.table import ColumnDrift, drift_table

COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(lambda each: sum(each) > 0)


PATIENT = settings(deadline=None, max_examples=50)  # other work shares the machine


@PATIENT
@given(COUNTS, st.randoms())
def test_jensen_shannon_is_scipys(counts: list[int], random: object) -> None:
    other = list(counts)
    random.shuffle(other)  # type: ignore[attr-defined]
    p, q = shares(np.array(counts)), shares(np.array(other))
    expected = jensenshannon(p, q, base=2)
    # scipy takes the root of a tiny negative number where the two are equal
    assert float(jensen_shannon(p, q)) == pytest.approx(np.nan_to_num(expected), abs=1e-7)


@PATIENT
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8), st.data())
def test_chi_square_is_scipys(counts: list[int], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.integers(1, 1000), min_size=len(counts), max_size=len(counts)))
    if not sum(counts):
        return
    statistic, chance = chi_square(np.array(counts), np.array(other))
    expected = chi2_contingency([counts, other], correction=False)
    assert statistic == pytest.approx(expected.statistic)
    assert chance == pytest.approx(expected.pvalue)


@PATIENT
@given(COUNTS)
def test_every_distance_of_a_sample_from_itself_is_zero(counts: list[int]) -> None:
    each = np.array(counts)
    p = shares(each)
    assert stability(each, each) == 0
    assert float(jensen_shannon(p, p)) == 0
    assert float(kolmogorov_smirnov(p, p)) == 0
    assert float(largest_change(p, p)) == 0
    assert wasserstein(p, p, np.arange(len(p), dtype=float)) == 0


def test_distances_by_hand() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    assert float(kolmogorov_smirnov(p, q)) == 0.5
    assert float(largest_change(p, q)) == 0.5
    assert wasserstein(p, q, np.array([0.0, 1.0, 3.0])) == pytest.approx(1.5)
    assert float(jensen_shannon(p, q)) == pytest.approx(np.sqrt(0.5))
    half = np.array([500, 500]) - 0.5
    moved = np.array([250, 750]) - 0.5
    exact = 0.25 * np.log(0.75 / 0.5) - 0.25 * np.log(0.25 / 0.5)
    assert stability(half, moved) == pytest.approx(exact)  # type: ignore[arg-type]


def test_nothing_is_at_distance_not_a_number() -> None:
    nothing, some = np.array([0, 0]), np.array([1, 2])
    assert np.isnan(jensen_shannon(shares(nothing), shares(some)))
    assert np.isnan(chi_square(nothing, some)[0])


def drift(before: np.ndarray, now: np.ndarray) -> ColumnDrift:
    tables = [pa.RecordBatch.from_pydict({"x": each}) for each in (before, now)]
    axes = axes_of(pa.table(tables[0]))
    profiles = []
    for rows in tables:
        tally = Tally(axes)
        tally.add(rows)
        profiles.append(tally.profile())
    return drift_table(profiles[0], profiles[1])[0]


def samples(kind: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    before, now = random.normal(size=20_000), random.normal(size=15_000) + 0.05
    match kind:
        case "skewed":
            return np.exp(before), np.exp(now)
        case "integers":
            return np.round(30 * before), np.round(30 * now)
        case "many zeros":
            return np.maximum(before, 0), np.maximum(now, 0)
        case "times":
            return 1.7e9 + 86_400 * before, 1.7e9 + 86_400 * now
        case _:
            return before, now


@pytest.mark.parametrize("kind", ["normal", "skewed", "integers", "many zeros", "times"])
def test_a_profile_knows_the_distances_of_its_rows(kind: str) -> None:
    before, now = samples(kind)
    found = drift(before, now)
    low, high = np.quantile(before, [0.25, 0.75])
    spread = high - low
    assert found.ks == pytest.approx(ks_2samp(before, now).statistic, abs=0.002)
    assert found.wasserstein == pytest.approx(wasserstein_distance(before, now) / spread, abs=0.005)
    assert found.median == pytest.approx(np.median(now), abs=0.01 * spread)


@PATIENT
@given(st.floats(0.05, 3), st.floats(1.1, 2))
def test_a_larger_shift_is_a_larger_distance(shift: float, more: float) -> None:
    before = np.linspace(-1, 1, 501)
    near, far = drift(before, before + shift), drift(before, before + shift * more)
    assert near.ks is not None and far.ks is not None and near.ks <= far.ks + 1e-9
    assert near.wasserstein is not None and far.wasserstein is not None
    assert near.wasserstein < far.wasserstein


@PATIENT
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
)
@example([0.0, 1e-250], [1.0])  # a reference that hardly varies must not make others infinite
def test_the_range_is_that_of_the_rows(before: list[float], now: list[float]) -> None:
    """To one part in 128 of the distance from the centre, which no bin is wider than."""
    found = drift(np.array(before), np.array(now))
    centre = float(np.median(before))
    for told, exact in ((found.lowest, min(now)), (found.highest, max(now))):
        assert told == pytest.approx(exact, abs=abs(exact - centre) / 64 + 1e-6)
    assert found.outside is not None
    clearly = [x for x in now if x < min(before) - 1e5 or x > max(before) + 1e5]
    assert len(clearly) / len(now) <= found.outside + 1e-12
    assert found.outside <= sum(x < min(before) or x > max(before) for x in now) / len(now) + 1e-12
    assert drift(np.array(now), np.array(now)).outside == 0
