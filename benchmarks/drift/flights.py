"""Flights of 2013: a model of January to April, watched from May to December, month by month."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.drift.notes import Cell, Notes
from blocks.contracts import ObjectStore, Window
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from examples.flights.prepare import prepare
from tasks.drift.alarm import Alarms
from tasks.drift.performance import Calibrator, Measured, calibrate, domain_auc, estimate
from tasks.drift.performance import measure as measured_on
from tasks.drift.reading import profile_of
from tasks.drift.reference import reference_of
from tasks.drift.table import drift_table
from tasks.watch.report import MeasuredWindow, WatchReport

NOT_INPUTS = ("flight", "week", "late")
MONTHS = ("held out", *(f"{datetime(2013, month, 1, tzinfo=UTC):%B}" for month in range(5, 13)))
CATEGORIES = ["carrier", "origin", "dest"]


class Judge:
    """A model of the training months, and everything it is watched with."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._train = pd.read_parquet(folder / "train.parquet")
        self.inputs = [str(name) for name in self._train if name not in NOT_INPUTS]
        model = HistGradientBoostingClassifier(max_iter=80, categorical_features=CATEGORIES)
        self._model = model.fit(self._rows(self._train), self._train["late"])
        held = pd.read_parquet(folder / "holdout.parquet")
        self.calibrator: Calibrator = calibrate(self._scores(held), held["late"].to_numpy())
        uri = (folder / "train.parquet").as_uri()
        self.reference = reference_of(store, uri, batch="week", columns=self.inputs)
        self._alarms = Alarms(self.reference)

    def look(self, name: str, month: int) -> WatchReport:
        """Return what a watcher would say of a file, and what the labels say."""
        file = self._folder / f"{name}.parquet"
        frame = pd.read_parquet(file)
        profile = profile_of(self._store, file.as_uri(), self.reference.axes)
        scores = self._scores(frame)
        inputs = self._train[self.inputs]
        apart = domain_auc(inputs, frame[self.inputs], batches=self._train["week"])
        end = datetime(2013 + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        window = Window(start=datetime(2013, month, 1, tzinfo=UTC), end=end)
        measured = measured_on(self.calibrator, scores, frame["late"].to_numpy())
        return WatchReport(
            endpoint="flights",
            model="January to April",
            window=window,
            rows=len(frame),
            judged=True,
            columns=drift_table(self.reference.whole, profile),
            findings=self._alarms.judge(profile),
            estimate=estimate(self.calibrator, scores, apart),
            expected_auc=self.calibrator.auc,
            matured=MeasuredWindow(
                window=window,
                captured=len(frame),
                labelled=len(frame),
                complete=True,
                measured=measured,
            ),
        )

    def _scores(self, frame: pd.DataFrame) -> np.ndarray:
        scores: np.ndarray = self._model.predict_proba(self._rows(frame))[:, 1]
        return scores

    def _rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        coded = frame[self.inputs].copy()
        for name in CATEGORIES:
            levels = {level: code for code, level in enumerate(self._train[name].unique())}
            coded[name] = frame[name].map(levels)
        return coded


def measure(notes: Notes) -> None:
    """Look at the rows held out, then at each month; keep what was found."""
    if notes.has("flights", MONTHS[-1], ""):
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder)
        judge = Judge(LocalStore(machine=LocalMachine(workspace=folder)), folder)
        files = ["holdout", *(f"months/2013-{month:02}" for month in range(5, 13))]
        for month, name, file in zip(range(4, 13), MONTHS, files, strict=True):
            sys.stderr.write(f"flights: {name}\n")
            notes.keep("flights", name, "", _told(judge.look(file, month)))


def _told(report: WatchReport) -> Cell:
    guess, matured = report.estimate, report.matured
    assert guess is not None and matured is not None and isinstance(matured.measured, Measured)
    return {
        "called": len({each.column for each in report.alarms}),
        "apart": guess.domain_auc,
        "trust": str(guess.trust),
        "estimated": guess.auc,
        "measured": matured.measured.auc,
    }
