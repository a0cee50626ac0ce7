"""Validation as a job of the platform: ``python -m tasks.validation.near`` is its program."""

from __future__ import annotations

import os

from blocks.contracts import Frozen, ObjectStore
from tasks.processing.job import Part
from tasks.processing.work import answered
from tasks.validation.report import ValidationReport
from tasks.validation.spec import ValidationSpec
from tasks.validation.suite import SuiteRefused
from tasks.validation.validated import validated

REFUSALS = (SuiteRefused,)


class Question(Frozen):
    """What is to be validated, and where what is kept of it goes."""

    spec: ValidationSpec
    data_uri: str
    place: str


def part_of(spec: ValidationSpec, data_uri: str, place: str) -> Part:
    """Return validation as a part of a release that a job can do."""
    inputs = {"data": data_uri, "suite": spec.suite}
    if spec.batch_suite is not None:
        inputs["batch_suite"] = spec.batch_suite
    return Part(
        module="tasks.validation.near",
        question=Question(spec=spec, data_uri=data_uri, place=place),
        inputs=inputs,
        place=place,
        refusals=REFUSALS,
    )


def look(question: Question, store: ObjectStore) -> ValidationReport:
    """Return what the suite finds, as on any machine."""
    return validated(store, question.spec, question.data_uri, question.place)


if __name__ == "__main__":
    answered(Question, look, os.environ, refusals=REFUSALS)
