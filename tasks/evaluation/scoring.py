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
from mlflow.types import Schema

from blocks.contracts import ObjectStore
from blocks.serving.answers import listed, scores
from blocks.serving.loading import NotVerified, load_verified
from tasks.data import DataSpec
from tasks.evaluation.answers import Answers, ModelRefused, answers_from
from tasks.evaluation.metrics import Floats, Integers
from tasks.labels import BadLabel, Label, label_from

BATCH = 20_000  # rows scored at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model in memory, and the columns it takes."""

    predict: Callable[[pd.DataFrame], Any]
    columns: tuple[str, ...]  # that every row must have
    optional: tuple[str, ...] = ()  # that a row may have
    outputs: tuple[str, ...] = ()  # names that its signature gives to what it answers

    def take(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns that the model takes. Raises ModelRefused if it needs another."""
        if missing := [name for name in self.columns if name not in frame]:
            raise ModelRefused(f"the data has no column {missing[0]!r}, which the model takes")
        return frame[[name for name in (*self.columns, *self.optional) if name in frame]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Truth (rows,), scores (models, rows) and the slice columns of a data set.

    Of several classes the truth is the place of each, and scores are (models, rows, classes + 1).
    """

    label: Label
    truth: np.ndarray
    scores: Floats
    chances: bool  # False = of classes, some model answers only the class itself
    slices: pd.DataFrame
    clusters: Integers | None  # rows with the same number belong together
    some_rows: pd.DataFrame  # a few input rows, to measure latency with
    captured: tuple[str, ...]  # classes as a server keeps the answers of the last model
    order: tuple[str, ...]  # of such classes, where it keeps places


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
        predict=getattr(loaded, "_predict_fn", loaded.predict),  # as it is served
        columns=tuple(inputs.required_input_names()),
        optional=tuple(inputs.optional_input_names()),
        outputs=_names(loaded.metadata.get_output_schema()),
    )


def label_of(store: ObjectStore, uri: str, data: DataSpec) -> Label:
    """Return what the label of a data set is. Raises ModelRefused where it can be no truth."""
    chunks = (batch.column(0) for batch in batches(store, uri, [data.label]))
    try:
        return label_from(chunks, data.problem_type)
    except BadLabel as error:
        raise _bad(data, uri, error) from error


def score(
    store: ObjectStore,
    uri: str,
    data: DataSpec,
    models: Sequence[LoadedModel],
    *,
    label: Label,
    cluster: str | None = None,
) -> Scored:
    """Score every row with every model. Raises ModelRefused.

    Only scores, truth, slice columns and the cluster column stay in memory.
    """
    kept = dict.fromkeys([*data.slices, *([cluster] if cluster else [])])
    truths: list[np.ndarray] = []
    answers: list[list[Answers]] = []
    slices: list[pd.DataFrame] = []
    some = pd.DataFrame()
    for batch in batches(store, uri):
        frame = batch.to_pandas()
        truths.append(_truth(label, frame[data.label], data, uri))
        answers.append([answers_of(model, frame, label) for model in models])
        slices.append(frame[list(kept)])
        if some.empty:
            some = frame.head(256)
    if not truths:
        raise ModelRefused(f"{uri} has no rows to compare models on")
    rows = pd.concat(slices, ignore_index=True)
    return Scored(
        label=label,
        truth=np.concatenate(truths),
        scores=np.concatenate([np.stack([one.scores for one in each]) for each in answers], axis=1),
        chances=all(one.chances for each in answers for one in each),
        slices=rows[list(data.slices)],
        clusters=pd.factorize(rows[cluster], use_na_sentinel=False)[0] if cluster else None,
        some_rows=some,
        captured=tuple(name for each in answers for name in each[-1].captured),
        order=answers[0][-1].order,
    )


def batches(
    store: ObjectStore, uri: str, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file, or of a folder of them."""
    for each in store.walk(uri):
        with store.open(each.uri) as file:
            yield from pq.ParquetFile(file).iter_batches(BATCH, columns=columns)


def answers_of(model: LoadedModel, frame: pd.DataFrame, label: Label) -> Answers:
    """Return what a model answers, taken as an endpoint takes it. Raises ModelRefused."""
    answer = model.predict(model.take(frame))
    return answers_from(answer, len(frame), label, model.outputs)


def captured_of(model: LoadedModel, frame: pd.DataFrame) -> pa.Array:
    """Return what a server keeps of the answers: numbers, or classes. Raises ModelRefused."""
    kept = scores(listed(model.predict(model.take(frame))), len(frame))
    if len(kept) != len(frame):
        raise ModelRefused(f"the model does not answer each of {len(frame)} rows")
    if any(isinstance(each, str) for each in kept):
        return pa.array([str(each) for each in kept], pa.string())
    return pa.array([float(each) for each in kept], pa.float64())


def _truth(label: Label, values: pd.Series, data: DataSpec, uri: str) -> np.ndarray:
    try:
        return label.truth(values.to_numpy())
    except BadLabel as error:
        raise _bad(data, uri, error) from error


def _bad(data: DataSpec, uri: str, error: BadLabel) -> ModelRefused:
    return ModelRefused(f"column {data.label!r} of {uri} holds {error}; {error.remedy}")


def _names(outputs: Schema | None) -> tuple[str, ...]:
    if outputs is None or outputs.is_tensor_spec() or not outputs.has_input_names():
        return ()
    return tuple(str(name) for name in outputs.input_names())
