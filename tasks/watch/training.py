"""Makes the reference of a model from what it was trained on and what was held out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectStore
from tasks.data import DataSpec
from tasks.drift.axes import axes_of
from tasks.drift.performance import Calibrator, Floats, calibrate
from tasks.drift.reading import parquet
from tasks.drift.reference import SPLITS, ReferenceProfile, layout_of, reference_from, split
from tasks.drift.rows import RowSample
from tasks.evaluation.scoring import LoadedModel, Scored, score, scores_of
from tasks.watch.reference import BATCH, PREDICTION, WatchReference
from tasks.watch.spec import WatchSpec
from tasks.watch.training_rows import See, here

BASELINE = "baseline.parquet"


def reference_for(
    store: ObjectStore,
    data: DataSpec,
    spec: WatchSpec,
    model: LoadedModel,
    *,
    name: str,
    see: See = here,
) -> WatchReference:
    """Profile the model's inputs on its training rows, its scores on rows held out."""
    columns = [each for each in model.columns if each not in spec.ignore]
    objects = parquet(store, data.train)
    layout = layout_of(
        store, objects, batch=data.batch, columns=columns, categorical=spec.categorical
    )
    inputs = see(store, objects, layout)
    profile = replace(inputs.profile, model=name)
    held_out = score(store, data.holdout, _with_batch(data), [model])
    scores = held_out.scores[0]
    calibrator, loss = _meaning(scores, held_out)
    return WatchReference(
        profile=profile.beside(_scores(held_out, data.batch, list(profile.batches))),
        sample=_sample(inputs.sample, columns, data.batch),
        calibrator=calibrator,
        loss=loss,
    )


def baseline(reference: WatchReference, model: LoadedModel) -> bytes:
    """Return the sample of training rows with the model's predictions, as a Parquet file."""
    rows, out = reference.sample.drop_columns([BATCH]), io.BytesIO()
    scores = scores_of(model, rows.to_pandas())
    pq.write_table(rows.append_column(PREDICTION, pa.array(scores, pa.float64())), out)
    return out.getvalue()


def _with_batch(data: DataSpec) -> DataSpec:
    return data.model_copy(update={"slices": (data.batch,) if data.batch else ()})


def _meaning(scores: Floats, held_out: Scored) -> tuple[Calibrator | None, float | None]:
    if scores.min() < 0 or scores.max() > 1:
        return None, None
    calibrator = calibrate(scores, held_out.truth)
    return calibrator, float(((calibrator(scores) - held_out.truth) ** 2).mean())


def _scores(held_out: Scored, batch: str | None, names: list[str]) -> ReferenceProfile:
    """Profile the scores in the same batches; where held-out rows have others, by position."""
    rows = pa.RecordBatch.from_pydict({PREDICTION: held_out.scores[0]})
    axes = axes_of(pa.table(rows))
    if batch:
        column = held_out.slices[batch].astype(str).to_numpy()
        if set(names) <= set(column):
            return reference_from(_by_name(rows, column), axes)
    parts = list(split(iter([rows]), len(rows), len(names)))
    renamed = ((name, part) for name, (_, part) in zip(names, parts, strict=False))
    return reference_from(renamed, axes)


def _by_name(rows: pa.RecordBatch, column: np.ndarray) -> Iterator[tuple[str, pa.RecordBatch]]:
    for name in np.unique(column):
        yield str(name), rows.take(pa.array(np.flatnonzero(column == name)))


def _sample(sample: RowSample, columns: list[str], batch: str | None) -> pa.Table:
    """Return sampled rows with the batch each is of; without batches, its twentieth."""
    found = sample.table()
    places = pa.array(np.arange(len(found)) * SPLITS // max(len(found), 1))
    of = found.column(batch).cast(pa.string()) if batch else places
    return found.select(columns).append_column(BATCH, of)
