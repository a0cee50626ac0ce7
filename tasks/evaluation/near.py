"""The program of an evaluation job: ``python -m tasks.evaluation.near``."""

from __future__ import annotations

import os

from blocks.contracts import ObjectStore
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.evaluated import evaluated
from tasks.evaluation.part import Question
from tasks.evaluation.report import EvaluationReport
from tasks.evaluation.scoring import Hands, alone
from tasks.processing.work import answered

REFUSALS = (ModelRefused,)


def look(question: Question, store: ObjectStore, *, hands: Hands = alone) -> EvaluationReport:
    """Return what is found, as on any machine."""
    return evaluated(
        store,
        question.spec,
        question.data,
        challenger=question.challenger,
        champion=question.champion,
        price=question.price,
        place=question.place,
        hands=hands,
    )


if __name__ == "__main__":
    answered(Question, look, os.environ, refusals=REFUSALS)
