"""The program of a validation job: ``python -m tasks.validation.near``."""

from __future__ import annotations

import os

from blocks.contracts import ObjectStore
from tasks.processing.work import answered
from tasks.validation.part import Question
from tasks.validation.report import ValidationReport
from tasks.validation.suite import SuiteRefused
from tasks.validation.validated import validated

REFUSALS = (SuiteRefused,)


def look(question: Question, store: ObjectStore) -> ValidationReport:
    """Return what the suite finds, as on any machine."""
    return validated(store, question.spec, question.data_uri, question.place)


if __name__ == "__main__":
    answered(Question, look, os.environ, refusals=REFUSALS)
