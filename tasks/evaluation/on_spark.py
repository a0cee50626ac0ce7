"""The program of an evaluation job whose rows Spark scores.

Run as ``python -m tasks.evaluation.on_spark``: executors read shares of the rows, where these are
mounted; the driver does with their answers what is done on any machine.
"""

from __future__ import annotations

import os
from functools import partial

from blocks.contracts import ObjectStore
from tasks.evaluation import near
from tasks.evaluation.executors import executors
from tasks.evaluation.part import Question
from tasks.evaluation.report import EvaluationReport
from tasks.processing.spark import session, spread
from tasks.processing.work import answered


def look(question: Question, store: ObjectStore) -> EvaluationReport:
    """Return what is found, as on any machine."""
    return near.look(question, store, hands=executors(partial(spread, session())))


if __name__ == "__main__":
    answered(Question, look, os.environ, refusals=near.REFUSALS)
