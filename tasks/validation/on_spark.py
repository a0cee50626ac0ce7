"""The program of a validation job that Spark does: ``python -m tasks.validation.on_spark``."""

from __future__ import annotations

import os

from tasks.processing.mounted import MountedStore
from tasks.processing.spark import session
from tasks.processing.work import answered
from tasks.validation.frames import open_frame
from tasks.validation.near import REFUSALS
from tasks.validation.part import Question
from tasks.validation.report import ValidationReport
from tasks.validation.validated import report_on


def look(question: Question, store: MountedStore) -> ValidationReport:
    """Return what the suite finds in the partitions of a Spark data frame."""
    data = open_frame(session(), store, question.data_uri)
    return report_on(data, store, question.spec, question.data_uri, question.place)


if __name__ == "__main__":
    answered(Question, look, os.environ, refusals=REFUSALS)
