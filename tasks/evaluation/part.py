"""Evaluation as a part of a release that a job of the platform can do."""

from __future__ import annotations

from blocks.contracts import Frozen, ModelVersion, Price, TrainingResult
from tasks.data import DataSpec
from tasks.evaluation.spec import EvaluationSpec
from tasks.processing.job import Part


class Question(Frozen):
    """Which models are to be compared on which rows, and where what is kept of it goes."""

    spec: EvaluationSpec
    data: DataSpec
    challenger: TrainingResult
    champion: ModelVersion | None
    price: Price | None
    place: str


def part_of(question: Question) -> Part:
    """Return the part."""
    inputs = {"holdout": question.data.holdout, "challenger": question.challenger.model_uri}
    if question.data.recent is not None:
        inputs["recent"] = question.data.recent
    if question.champion is not None:
        inputs["champion"] = question.champion.uri
    spark = question.spec.near is not None and question.spec.near.spark
    return Part(
        module="tasks.evaluation.on_spark" if spark else "tasks.evaluation.near",
        question=question,
        inputs=inputs,
        place=question.place,
        spark=spark,
    )
