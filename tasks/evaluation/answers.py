"""What a model answers, as scores: one number for each row, or one for each class of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from blocks.serving.answers import ROUNDING, listed, scores
from tasks.data import ProblemType
from tasks.evaluation.metrics import Floats
from tasks.labels import Label, class_name

REMEDIES = {
    ProblemType.BINARY: "save one that returns a number for each row: the chance of 1",
    ProblemType.REGRESSION: "save one that returns a number for each row: the quantity",
    ProblemType.MULTICLASS: (
        "save one that returns the chance of each class, as predict_proba does, or a class"
    ),
}


class ModelRefused(Exception):
    """The model cannot be compared: it is not the one expected, or it answers no scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One score for each row (rows,), or for each class (rows, classes + 1).

    The last column is for classes that the data do not have. ``captured`` is what a server keeps
    of each answer, where that is a class: its name, or its place in ``order``.
    """

    scores: Floats
    chances: bool = True  # False = of classes only the class itself was answered
    captured: tuple[str, ...] = ()
    order: tuple[str, ...] = ()  # the classes by their places; empty: a server keeps names


def answers_from(answer: Any, rows: int, label: Label, outputs: Sequence[str] = ()) -> Answers:
    """Read an answer to so many rows; ``outputs`` are names that the model's signature gives.

    Raises ModelRefused.
    """
    if label.problem_type is ProblemType.MULTICLASS:
        return _of_classes(answer, rows, label, outputs)
    return Answers(scores=_numbers(answer, rows, label.problem_type))


def _numbers(answer: Any, rows: int, kind: ProblemType) -> Floats:
    """Return one number for each row; of two columns of predict_proba it is the second one."""
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] in ((1, 2) if kind is ProblemType.BINARY else (1,)):
        if values.shape[1] == 2 and len(values) == rows and values.dtype.kind in "fiu":
            _require_chances(_finite(values), kind)
        values = values[:, -1]
    if values.shape != (rows,) or values.dtype.kind not in "fiub":
        raise _unfit(values, rows, kind)
    return _finite(values)


def _of_classes(answer: Any, rows: int, label: Label, outputs: Sequence[str]) -> Answers:
    captured = tuple(str(value) for value in scores(listed(answer), rows))
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1 and len(values) == rows and not _fractions(values):
        return Answers(scores=_one_hot(values, label), chances=False, captured=captured)
    if values.ndim != 2 or len(values) != rows or values.dtype.kind not in "fiu":
        raise _unfit(values, rows, ProblemType.MULTICLASS)
    named = isinstance(answer, pd.DataFrame)
    order = _order(answer, values.shape[1], label, outputs)
    return Answers(
        scores=_chances(_finite(values), order, label),
        captured=captured,
        order=() if named else order,
    )


def _order(answer: Any, width: int, label: Label, outputs: Sequence[str]) -> tuple[str, ...]:
    """Return the class of each column: by its name, by the signature's, or as they are sorted."""
    if isinstance(answer, pd.DataFrame):
        order = tuple(class_name(name) for name in answer.columns)
    else:
        order = tuple(outputs) if len(outputs) == width else label.classes
    if len(order) != width or not set(order) & set(label.classes):
        raise ModelRefused(
            f"the model answers {width} columns, the data have the classes "
            f"{', '.join(label.classes)}; name the columns by the classes, e.g. "
            "pd.DataFrame(model.predict_proba(rows), columns=model.classes_)"
        )
    return order


def _chances(values: Floats, order: Sequence[str], label: Label) -> Floats:
    _require_chances(values, ProblemType.MULTICLASS)
    found = np.zeros((len(values), len(label.classes) + 1))
    for column, name in zip(values.T, order, strict=True):
        if name in label.classes:
            found[:, label.classes.index(name)] = column
        else:  # a class of an older day: its chance is lost, and it may be the likeliest one
            found[:, -1] = np.maximum(found[:, -1], column)
    return found


def _require_chances(values: Floats, kind: ProblemType) -> None:
    if (values < 0).any() or (np.abs(values.sum(axis=1) - 1) > ROUNDING).any():
        told = f"the {values.shape[1]} columns that are answered are no chances, 1 in all"
        raise ModelRefused(f"{told}; {REMEDIES[kind]}")


def _one_hot(values: np.ndarray, label: Label) -> Floats:
    places = {name: place for place, name in enumerate(label.classes)}
    found = np.zeros((len(values), len(label.classes) + 1))
    at = [places.get(class_name(value), len(label.classes)) for value in values]
    found[np.arange(len(values)), at] = 1
    return found


def _fractions(values: np.ndarray) -> bool:
    return values.dtype.kind == "f" and not bool((values == np.floor(values)).all())


def _finite(values: np.ndarray) -> Floats:
    found = values.astype(np.float64)
    lost = int((~np.isfinite(found)).reshape(len(found), -1).any(axis=1).sum())
    if lost:
        raise ModelRefused(
            f"{lost} of {len(found)} predictions are not finite; mend the model where values lack"
        )
    return found


def _unfit(values: np.ndarray, rows: int, kind: ProblemType) -> ModelRefused:
    return ModelRefused(
        f"the model answers {rows} rows with {values.dtype} of shape {values.shape}; "
        f"{REMEDIES[kind]}"
    )
