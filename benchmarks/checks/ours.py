"""Ours: derived once from the first weeks, and run as a release runs it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from tasks.checks.derive import suite
from tasks.checks.measure import measure
from tasks.specification.problems import SpecificationRefused
from tasks.validation.parquet import open_parquet
from tasks.validation.run import run_suite
from tasks.validation.suite import read_suite

NAME = "bluewater"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What fails: (column, check) that stop a release, and that warn."""

    hard: set[tuple[str, str]]
    warned: set[tuple[str, str]]


class Derived:
    """The suite of some weeks."""

    def __init__(self, learnt: Path, folder: Path) -> None:
        self._folder = folder
        self._store = LocalStore(machine=LocalMachine(workspace=folder / "workspace"))
        with tempfile.TemporaryDirectory(dir=folder) as place:
            data = open_parquet(self._store, learnt.as_uri(), Path(place))
            profile = measure(data, Path(place), batch="week", name="flights")
        self.checks = suite(profile)
        self._content = json.dumps(self.checks).encode()

    def check(self, week: pd.DataFrame | Path) -> Found:
        """Run the suite over a week."""
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            file = week
            if isinstance(week, pd.DataFrame):
                file = Path(place) / "week.parquet"
                week.to_parquet(file, index=False)
            data = open_parquet(self._store, Path(str(file)).as_uri(), Path(place))
            try:
                name, lines = read_suite(self._content, data.schema.names)
            except SpecificationRefused as error:
                return Found(
                    hard={(each.value.strip("'"), "columns") for each in error.problems},
                    warned=set(),
                )
            checks, _ = run_suite(name, lines, data, Path(place), examples=0)
        failed = [
            (each.column, each.why.partition(":")[0], each.severity)
            for each in checks
            if not each.passed
        ]
        return Found(
            hard={(column, check) for column, check, severity in failed if severity == "error"},
            warned={(column, check) for column, check, severity in failed if severity != "error"},
        )
