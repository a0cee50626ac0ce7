"""Scores of a model over a data set. A model is loaded only if its digest is the one expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectStore
from blocks.serving.loading import NotVerified, load_verified
from tasks.data import DataSpec
from tasks.evaluation.metrics import Floats, Integers

BATCH = 20_000  # rows scored at a time


class ModelRefused(Exception):
    """The model cannot be compared: it is not the one expected, or it answers no scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model in memory, and the columns it takes."""

    predict: Callable[[pd.DataFrame], Any]
    columns: tuple[str, ...]  # that every row must have
    optional: tuple[str, ...] = ()  # that a row may have

    def take(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns that the model takes. Raises ModelRefused if it needs another."""
        if missing := [name for name in self.columns if name not in frame]:
            raise ModelRefused(f"the data has no column {missing[0]!r}, which the model takes")
        return frame[[name for name in (*self.columns, *self.optional) if name in frame]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Truth (rows,), scores (models, rows) and the slice columns of a data set."""

    truth: np.ndarray
    scores: Floats
    slices: pd.DataFrame
    clusters: Integers | None  # rows with the same number belong together
    some_rows: pd.DataFrame  # a few input rows, to measure latency with


def load_model(folder: Path, expected: str) -> LoadedModel:
    """Load a verified model. Raises ModelRefused, before anything of it is loaded."""
    try:
        loaded = load_verified(folder, expected)
    except NotVerified as error:
        raise ModelRefused(str(error)) from error
    inputs = loaded.metadata.get_input_schema()
    if inputs is None:
        raise ModelRefused(
            f"{folder} has no signature; save the model with one, e.g. "
            "signature=infer_signature(rows, model.predict(rows))"
        )
    return LoadedModel(
        predict=getattr(loaded, "_model_impl", loaded).predict,
        columns=tuple(inputs.required_input_names()),
        optional=tuple(inputs.optional_input_names()),
    )


def score(
    store: ObjectStore,
    uri: str,
    data: DataSpec,
    models: Sequence[LoadedModel],
    *,
    cluster: str | None = None,
) -> Scored:
    """Score every row with every model.

    Only scores, truth, slice columns and the cluster column stay in memory.
    """
    kept = dict.fromkeys([*data.slices, *([cluster] if cluster else [])])
    truths: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    slices: list[pd.DataFrame] = []
    some = pd.DataFrame()
    for batch in batches(store, uri):
        frame = batch.to_pandas()
        truths.append(frame[data.label].to_numpy())
        scores.append(np.vstack([scores_of(model, frame) for model in models]))
        slices.append(frame[list(kept)])
        if some.empty:
            some = frame.head(256)
    if not truths:
        raise ModelRefused(f"{uri} has no rows to compare models on")
    truth = np.concatenate(truths)
    if not np.isin(truth, (0, 1)).all():
        raise ModelRefused(f"column {data.label!r} of {uri} holds other values than 0 and 1")
    rows = pd.concat(slices, ignore_index=True)
    return Scored(
        truth=truth.astype(np.int64),
        scores=np.hstack(scores),
        slices=rows[list(data.slices)],
        clusters=pd.factorize(rows[cluster], use_na_sentinel=False)[0] if cluster else None,
        some_rows=some,
    )


def batches(store: ObjectStore, uri: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file, or of a folder of them."""
    for each in store.walk(uri):
        with store.open(each.uri) as file:
            yield from pq.ParquetFile(file).iter_batches(BATCH)


def scores_of(model: LoadedModel, frame: pd.DataFrame) -> Floats:
    """Return one score for each row (rows,), taken of an answer as an endpoint takes it.

    Of two columns, which ``predict_proba`` gives, it is the second one. Raises ModelRefused.
    """
    answer = np.asarray(model.predict(model.take(frame)))
    if answer.ndim == 2 and answer.shape[1] in (1, 2):
        answer = answer[:, -1]
    if answer.shape != (len(frame),) or answer.dtype.kind not in "fiub":
        raise ModelRefused(
            f"the model answers {len(frame)} rows with {answer.dtype} of shape {answer.shape}; "
            "save one that returns a number for each row: the chance of 1"
        )
    found = answer.astype(np.float64)
    if lost := int((~np.isfinite(found)).sum()):
        raise ModelRefused(
            f"{lost} of {len(frame)} predictions are not finite; mend the model where values lack"
        )
    return found
