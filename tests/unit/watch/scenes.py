"""Days of an endpoint as a model server captures them, and looks at them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression

from blocks.contracts import Monitor, MonitoringSchedules, ObjectStore, ProcessingJobs
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from tasks.data import DataSpec
from tasks.watch.report import WatchReport
from tasks.watch.spec import WatchSpec
from tasks.watch.stage import watch_endpoint

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPEC = WatchSpec(least_rows=200)
Truth = np.ndarray


class Scorer(LogisticRegression):  # type: ignore[misc]  # it comes without types
    """Answers scores, as the models of this project do."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        scores: np.ndarray = self.predict_proba(X)[:, 1]
        return scores


def rows(count: int, *, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": random.normal(size=count) + shift,
            "z": random.normal(size=count),
            "origin": random.choice(["EWR", "JFK", "LGA"], size=count),
        }
    )


def truth_of(frame: pd.DataFrame, *, seed: int, weight: float = 1.5) -> np.ndarray:
    chance = 1 / (1 + np.exp(1.0 - weight * frame["x"] - 0.5 * frame["z"]))
    return np.asarray(np.random.default_rng(seed).random(len(frame)) < chance, dtype=np.int64)


def pick(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["x", "z"]]


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out)
    return out.getvalue()


def data_in(store: ObjectStore) -> DataSpec:
    """Return where the rows of the training are in a store."""
    return DataSpec(
        train=f"{store.root}/train.parquet",
        holdout=f"{store.root}/holdout.parquet",
        label="late",
        batch="week",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An endpoint that was served for some days, and the reference of its model."""

    store: ObjectStore
    monitor: Monitor
    captures: Path
    reference_uri: str
    baseline_uri: str
    captured: ObjectStore | None = None

    def day(
        self,
        number: int,
        frame: pd.DataFrame,
        *,
        mirrored: bool = False,
        status: int = 200,
        truth: Truth | None = None,
    ) -> None:
        """Capture a day as the model server does; labels go where they are looked for."""
        last = START + (number + 0.99) * DAY
        at = pd.date_range(START + number * DAY, last, periods=len(frame))
        chance = 1 / (1 + np.exp(1.0 - 1.5 * frame["x"] - 0.5 * frame["z"]))
        kept = frame.assign(
            at=at.astype("datetime64[us, UTC]"),
            request_id=[f"{number}-{mirrored}-{each}" for each in range(len(frame))],
            row=0,
            variant="v1",
            mirrored=mirrored,
            status=status,
            seconds=0.01,
            user="",
            prediction=chance,
        )
        first, end = (int(each.timestamp() * 1000) for each in (at[0], at[-1]))
        name = f"{first}-{end}.v1.{int(mirrored)}.{status}.parquet"
        (self.captures / name).write_bytes(parquet(kept))
        if truth is not None:
            labels = pd.DataFrame({"request_id": kept["request_id"], "late": truth})
            self.store.write(f"{self.store.root}/labels/{number}.parquet", parquet(labels))

    def look(
        self,
        number: int,
        spec: WatchSpec = SPEC,
        monitors: MonitoringSchedules | None = None,
        jobs: ProcessingJobs | None = None,
    ) -> WatchReport:
        """Look at the day of that number, an hour after its end."""
        found: WatchReport = watch_endpoint.fn(
            self.monitor,
            self.store,
            spec,
            endpoint="e",
            reference_uri=self.reference_uri,
            captured=self.captured,
            monitors=monitors,
            baseline_uri=self.baseline_uri,
            jobs=jobs,
            prices=LocalPrices(machine=LocalMachine()),
            now=START + (number + 1) * DAY + timedelta(hours=1),
        )
        return found
