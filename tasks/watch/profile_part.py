"""The reference of a model as a part of a release that a job of the platform can make."""

from __future__ import annotations

from blocks.contracts import Frozen, TrainingResult
from tasks.data import DataSpec
from tasks.processing.job import Part
from tasks.watch.spec import WatchSpec


class ReferenceMade(Frozen):
    """Where the reference of a model is kept, and what it was made of."""

    uri: str
    baseline_uri: str  # some training rows with the model's predictions, for other monitors
    rows: int
    batches: int
    columns: tuple[str, ...]


class Question(Frozen):
    """Which model was trained on what, and where what is kept of it goes."""

    spec: WatchSpec
    data: DataSpec
    training: TrainingResult
    place: str


def part_of(question: Question) -> Part:
    """Return the part."""
    near, data = question.spec.profile_near, question.data
    spark = near is not None and near.spark
    return Part(
        module="tasks.watch.profile_on_spark" if spark else "tasks.watch.profile_near",
        question=question,
        inputs={
            "train": data.train,
            "holdout": data.holdout,
            "model": question.training.model_uri,
        },
        place=question.place,
        spark=spark,
    )
