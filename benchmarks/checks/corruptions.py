"""Fifteen ways in which a week goes wrong, and which checks would be right to say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

MILE = 1.609344  # kilometres


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """What happens to a week, and the words that a right check has in its name."""

    name: str
    does: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]
    right: tuple[tuple[str, str], ...]  # any of these: column (or none) and words of the check


def _some(frame: pd.DataFrame, share: float, random: np.random.Generator) -> np.ndarray:
    return random.random(len(frame)) < share


def _set(frame: pd.DataFrame, name: str, values: pd.Series) -> pd.DataFrame:
    return frame.assign(**{name: values})


def _exchange(frame: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    return frame.assign(**{one: frame[other], other: frame[one]})


ALL = (
    Corruption(
        name="8 % of distance missing",
        does=lambda f, r: _set(f, "distance", f["distance"].mask(_some(f, 0.08, r))),
        right=(("distance", "missing"),),
    ),
    Corruption(
        name="temperature in Celsius",
        does=lambda f, _: _set(f, "temp", (f["temp"] - 32) / 1.8),
        right=(
            *(("temp", check) for check in ("location", "range", "sign", "unit")),
            ("", "order of temp"),
        ),
    ),
    Corruption(
        name="distance in kilometres",
        does=lambda f, _: _set(f, "distance", (f["distance"] * MILE).round().astype("int64")),
        right=(("distance", "unit"), ("", "to distance"), ("distance", "range")),
    ),
    Corruption(
        name="a tenth in kilometres",
        does=lambda f, r: _set(
            f,
            "distance",
            (f["distance"] * np.where(_some(f, 0.1, r), MILE, 1.0)).round().astype("int64"),
        ),
        right=(("", "determines distance"),),
    ),
    Corruption(
        name="1 % of air time negative",
        does=lambda f, r: _set(f, "air_time", f["air_time"].mask(_some(f, 0.01, r), -1)),
        right=(("air_time", "sign"), ("air_time", "range")),
    ),
    Corruption(
        name="5 % of rows twice",
        does=lambda f, r: pd.concat([f, f[_some(f, 0.05, r)]], ignore_index=True),
        right=(("", "key"),),
    ),
    Corruption(
        name="70 % of rows lost",
        does=lambda f, r: f[_some(f, 0.3, r)],
        right=(("", "rows"),),
    ),
    Corruption(
        name="pressure stuck",
        does=lambda f, _: _set(f, "pressure", f["pressure"] * 0 + 1013.0),
        right=(("pressure", "constant"),),
    ),
    Corruption(
        name="distance as text",
        does=lambda f, _: _set(f, "distance", f["distance"].astype(str)),
        right=(("distance", "type"),),
    ),
    Corruption(
        name="no humidity",
        does=lambda f, _: f.drop(columns="humid"),
        right=(("", "columns"), ("humid", "")),
    ),
    Corruption(
        name="1 % unknown carriers",
        does=lambda f, r: _set(f, "carrier", f["carrier"].mask(_some(f, 0.01, r), "??")),
        right=(("carrier", "new values"),),
    ),
    Corruption(
        name="air time in seconds",
        does=lambda f, _: _set(f, "air_time", f["air_time"] * 60),
        right=(("air_time", "unit"), ("", "ratio of air_time"), ("air_time", "range")),
    ),
    Corruption(
        name="temperature, dew point swapped",
        does=lambda f, _: _exchange(f, "temp", "dewp"),
        right=(("", "order of temp"),),
    ),
    Corruption(
        name="planned, real departure swapped",
        does=lambda f, _: _exchange(f, "dep_time", "sched_dep_time"),
        right=(
            ("sched_dep_time", "missing"),
            ("", "sched_dep_time determines"),
            ("", "order of dep_time and sched_dep_time"),
        ),
    ),
    Corruption(
        name="both delays swapped",
        does=lambda f, _: _exchange(f, "dep_delay", "arr_delay"),
        right=(("", "order of dep_delay and arr_delay"),),
    ),
)
