"""Makes the reference of a model from what it was trained on and what was held out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectStore
from tasks.data import DataSpec, ProblemType
from tasks.drift.axes import axes_of
from tasks.drift.performance import calibrate
from tasks.drift.quality import promised
from tasks.drift.reading import parquet, schema_of
from tasks.drift.reference import SPLITS, ReferenceProfile, layout_of, reference_from, split
from tasks.drift.rows import RowSample
from tasks.evaluation.scoring import LoadedModel, Scored, captured_of, label_of, score
from tasks.watch.reference import BATCH, PREDICTION, WatchReference
from tasks.watch.spec import WatchSpec
from tasks.watch.training_rows import See, Seen, here

BASELINE = "baseline.parquet"


def rows_seen(
    store: ObjectStore, data: DataSpec, spec: WatchSpec, model: LoadedModel, *, see: See = here
) -> Seen:
    """See the training rows of a model: a profile of its inputs, and a sample of all it takes.

    An optional input is watched where the rows have it.
    """
    objects = parquet(store, data.train)
    there = schema_of(store, objects).names
    watched = [*model.columns, *(each for each in model.optional if each in there)]
    layout = layout_of(
        store,
        objects,
        batch=data.batch,
        columns=[each for each in watched if each not in spec.ignore],
        categorical=spec.categorical,
        beside=(*model.columns, *model.optional),
    )
    axes = layout.axes.with_optional(model.optional)
    return see(store, objects, replace(layout, axes=axes))


def reference_for(
    store: ObjectStore, data: DataSpec, model: LoadedModel, rows: Seen, *, name: str
) -> WatchReference:
    """Put together what was seen of training rows and the model's answers on rows held out."""
    inputs = replace(rows.profile, model=name)
    label = label_of(store, data.holdout, data)
    held_out = score(store, data.holdout, _with_batch(data), [model], label=label)
    made = WatchReference(
        profile=inputs.beside(_predictions(held_out, data.batch, list(inputs.batches))),
        sample=_sample(rows.sample, inputs.axes.names, data.batch),
        calibrator=None,
        loss=None,
    )
    if label.problem_type is ProblemType.BINARY:
        return _with_meaning(made, held_out)
    return _with_promise(made, held_out)


def baseline(rows: Seen, model: LoadedModel, *, ignore: Sequence[str] = ()) -> bytes:
    """Return the sample of training rows with the model's predictions, as a Parquet file."""
    sample, out = rows.sample.table(), io.BytesIO()
    taken = [name for name in (*model.columns, *model.optional) if name in sample.column_names]
    kept = sample.select([name for name in taken if name not in ignore])
    found = captured_of(model, sample.select(taken).to_pandas())
    pq.write_table(kept.append_column(PREDICTION, found), out)
    return out.getvalue()


def _with_batch(data: DataSpec) -> DataSpec:
    return data.model_copy(update={"slices": (data.batch,) if data.batch else ()})


def _with_meaning(made: WatchReference, held_out: Scored) -> WatchReference:
    """Add what scores of 0 to 1 mean; others have none."""
    scores = held_out.scores[0]
    if scores.min() < 0 or scores.max() > 1:
        return made
    calibrator = calibrate(scores, held_out.truth)
    loss = float(((calibrator(scores) - held_out.truth) ** 2).mean())
    return replace(made, calibrator=calibrator, loss=loss)


def _with_promise(made: WatchReference, held_out: Scored) -> WatchReference:
    """Add how far answers were from the truth."""
    scores, truth = held_out.scores[0], held_out.truth
    kind = held_out.label.problem_type
    wrong = kind is ProblemType.MULTICLASS
    gaps = (scores.argmax(axis=1) != truth).astype(np.float64) if wrong else scores - truth
    quality = promised(kind, gaps, held_out.order)
    return replace(made, quality=quality, loss=float(quality.losses(gaps).mean()))


def _predictions(held_out: Scored, batch: str | None, names: list[str]) -> ReferenceProfile:
    """Profile answers in the same batches; where held-out rows have others, by position."""
    kept = held_out.captured or held_out.scores[0]
    rows = pa.RecordBatch.from_pydict({PREDICTION: kept})
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


def _sample(sample: RowSample, columns: Sequence[str], batch: str | None) -> pa.Table:
    """Return sampled rows with the batch each is of; without batches, its twentieth."""
    found = sample.table()
    places = pa.array(np.arange(len(found)) * SPLITS // max(len(found), 1))
    of = found.column(batch).cast(pa.string()) if batch else places
    return found.select(list(columns)).append_column(BATCH, of)
