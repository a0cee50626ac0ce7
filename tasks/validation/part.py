"""Validation as a part of a release that a job of the platform can do."""

from __future__ import annotations

from blocks.contracts import Frozen
from tasks.processing.job import Part
from tasks.validation.spec import ValidationSpec


class Question(Frozen):
    """What is to be validated, and where what is kept of it goes."""

    spec: ValidationSpec
    data_uri: str
    place: str


def part_of(question: Question) -> Part:
    """Return the part."""
    spec = question.spec
    inputs = {"data": question.data_uri, "suite": spec.suite}
    if spec.batch_suite is not None:
        inputs["batch_suite"] = spec.batch_suite
    spark = spec.near is not None and spec.near.spark
    return Part(
        module="tasks.validation.on_spark" if spark else "tasks.validation.near",
        question=question,
        inputs=inputs,
        place=question.place,
        spark=spark,
    )
