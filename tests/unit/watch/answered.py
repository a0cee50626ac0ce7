"""Days of what a model has answered, and looks at them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectInfo, ObjectStore, Window
from tasks.data import DataSpec
from tasks.evaluation.scoring import LoadedModel, captured_of
from tasks.watch.look import Look
from tasks.watch.reference import WatchReference, from_bytes, to_bytes
from tasks.watch.report import WatchReport
from tasks.watch.spec import LabelSpec, WatchSpec
from tasks.watch.traffic import Traffic, captured_as, observed
from tasks.watch.training import reference_for, rows_seen

START, DAY = datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1)
Rows = Callable[[int, int], pd.DataFrame]


@dataclass(slots=True, kw_only=True)
class World:
    """A model, its reference as it is kept, and days of what it has answered."""

    store: ObjectStore
    model: LoadedModel
    reference: WatchReference
    days: dict[datetime, ObjectInfo] = field(default_factory=dict)

    def day(self, number: int, rows: pd.DataFrame) -> None:
        """Answer the rows of a day; their truth is known at once."""
        start = START + number * DAY
        inputs = rows.drop(columns="truth").rename(columns=captured_as)
        kept = inputs.assign(
            at=pd.date_range(start, start + 0.9 * DAY, periods=len(rows)).as_unit("us"),
            request_id=[f"{number}-{each}" for each in range(len(rows))],
            row=0,
            variant="v1",
            mirrored=False,
            status=200,
            prediction=captured_of(self.model, rows).to_pandas(),
        )
        captured = f"{self.store.root}/captures/{number}.parquet"
        self.days[start] = self.store.write(captured, parquet(kept))
        labels = pd.DataFrame({"request_id": kept["request_id"], "truth": rows["truth"]})
        self.store.write(f"{self.store.root}/labels/{number}.parquet", parquet(labels))

    def look(self, number: int, earlier: Sequence[WatchReport] = ()) -> WatchReport:
        labels = LabelSpec(uri=f"{self.store.root}/labels", label="truth", maturity=timedelta(0))
        look = Look(
            observe=self._observe,
            store=self.store,
            spec=WatchSpec(least_rows=200, labels=labels),
            endpoint="e",
            reference=self.reference,
        )
        start = START + number * DAY
        return look.report(Window(start=start, end=start + DAY), earlier)

    def _observe(self, window: Window) -> Traffic:
        objects = [self.days[window.start]] if window.start in self.days else []
        return observed(self.store, objects, window, axes=self.reference.profile.axes)


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out)
    return out.getvalue()


def world_of(store: ObjectStore, model: LoadedModel, rows: Rows) -> World:
    """Train a model on weeks of ``rows``, which takes a number and a seed, and hold others out."""
    for name, seed in {"train": 1, "holdout": 2}.items():
        frame = rows(3000, seed)
        weeks = [f"w{each:02}" for each in np.arange(len(frame)) // 250]
        store.write(f"{store.root}/{name}.parquet", parquet(frame.assign(week=weeks)))
    data = DataSpec(
        train=f"{store.root}/train.parquet",
        holdout=f"{store.root}/holdout.parquet",
        label="truth",
        batch="week",
    )
    trained = rows_seen(store, data, WatchSpec(), model)
    made = reference_for(store, data, model, trained, name="m")
    return World(store=store, model=model, reference=from_bytes(to_bytes(made)))


def minutes(count: int, seed: int, *, noise: float = 10.0, shift: float = 0.0) -> pd.DataFrame:
    """Return rows whose truth has the tails of a t distribution with 3 degrees of freedom."""
    random = np.random.default_rng(seed)
    x = random.normal(size=count) + shift
    return pd.DataFrame({"x": x, "truth": 20 * x + noise * random.standard_t(3, count)})
