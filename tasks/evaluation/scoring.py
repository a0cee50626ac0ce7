"""Scores of a model over a data set. A model is loaded only if its digest is the one expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from mlflow.types import Schema

from blocks.contracts import ObjectStore
from blocks.serving.answers import listed, scores
from blocks.serving.loading import NotVerified, load_verified
from tasks.data import DataSpec
from tasks.drift.reading import NoRows
from tasks.evaluation.answers import Answers, ModelRefused, answers_from
from tasks.evaluation.metrics import Floats, Integers
from tasks.evaluation.shares import Share, batches, everything
from tasks.labels import BadLabel, Label, label_from

SOME = 256  # input rows that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model in memory, and the columns it takes."""

    predict: Callable[[pd.DataFrame], Any]
    columns: tuple[str, ...]  # that every row must have
    optional: tuple[str, ...] = ()  # that a row may have
    outputs: tuple[str, ...] = ()  # names that its signature gives to what it answers
    uri: str = ""  # where it can be loaded again
    digest: str = ""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was scored of some rows: as :class:`Scored`, with all columns beside the scores."""

    truth: np.ndarray
    scores: Floats
    chances: bool
    beside: pd.DataFrame
    captured: tuple[str, ...]
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done with the rows of a data set, in whatever process: it goes where its store can.

    ``beside`` are the columns that are kept beside the scores.
    """

    store: ObjectStore
    uri: str
    data: DataSpec
    label: Label
    beside: tuple[str, ...]

    def parts(self, models: Sequence[LoadedModel], share: Share) -> Iterator[Part]:
        """Score some of the rows with every model, piece by piece. Raises ModelRefused."""
        for rows in batches(self.store, share):
            yield self._part(models, rows.to_pandas())

    def _part(self, models: Sequence[LoadedModel], frame: pd.DataFrame) -> Part:
        truth = _truth(self.label, frame[self.data.label], self.data, self.uri)
        answers = [answers_of(model, frame, self.label) for model in models]
        return Part(
            truth=truth,
            scores=np.stack([one.scores for one in answers]),
            chances=all(one.chances for one in answers),
            beside=frame[list(self.beside)],
            captured=answers[-1].captured,
            order=answers[-1].order,
        )


Hands = Callable[[Work, Sequence[LoadedModel], Share], Iterable[Part]]
"""Who scores: the parts come in the order of the rows. Raises ModelRefused."""


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
    chunks = (rows.column(0) for rows in batches(store, _rows(store, uri), [data.label]))
    try:
        return label_from(chunks, data.problem_type)
    except BadLabel as error:
        raise _bad(data, uri, error) from error


def alone(work: Work, models: Sequence[LoadedModel], rows: Share) -> Iterable[Part]:
    """Score all rows in this process."""
    return work.parts(models, rows)


def score(
    store: ObjectStore,
    uri: str,
    data: DataSpec,
    models: Sequence[LoadedModel],
    *,
    label: Label,
    cluster: str | None = None,
    hands: Hands = alone,
) -> Scored:
    """Score every row with every model. Raises ModelRefused.

    Only scores, truth, slice columns and the cluster column stay in memory.
    """
    beside = tuple(dict.fromkeys([*data.slices, *([cluster] if cluster else [])]))
    work = Work(store=store, uri=uri, data=data, label=label, beside=beside)
    rows = _rows(store, uri)
    parts = list(hands(work, models, rows))
    if not parts:
        raise ModelRefused(f"{uri} has no rows to compare models on")
    kept = pd.concat([part.beside for part in parts], ignore_index=True)
    return Scored(
        label=label,
        truth=np.concatenate([part.truth for part in parts]),
        scores=np.concatenate([part.scores for part in parts], axis=1),
        chances=all(part.chances for part in parts),
        slices=kept[list(data.slices)],
        clusters=pd.factorize(kept[cluster], use_na_sentinel=False)[0] if cluster else None,
        some_rows=next(batches(store, rows)).to_pandas().head(SOME),
        captured=tuple(name for part in parts for name in part.captured),
        order=parts[0].order,
    )


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


def _rows(store: ObjectStore, uri: str) -> Share:
    try:
        return everything(store, uri)
    except NoRows as error:
        raise ModelRefused(f"{uri} has no rows to compare models on") from error


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
