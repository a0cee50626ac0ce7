"""Weeks of rows to learn checks from, and a bench that profiles and checks them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blocks.contracts import ObjectStore
from tasks.checks.derive import suite
from tasks.checks.measure import measure
from tasks.checks.profile import Profile
from tasks.validation.parquet import open_parquet
from tasks.validation.report import Check
from tasks.validation.run import run_suite
from tasks.validation.suite import read_suite

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
