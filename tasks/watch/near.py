"""The program of a job that counts traffic: ``python -m tasks.watch.near``."""

from __future__ import annotations

import os

from blocks.contracts import ObjectStore
from tasks.processing.work import answered
from tasks.watch.part import Found, Question, kept
from tasks.watch.traffic import observed


def look(question: Question, store: ObjectStore) -> Found:
    """Count it, as on any machine."""
    traffic = observed(
        store,
        question.captures,
        question.window,
        axes=question.axes,
        variant=question.variant,
    )
    return kept(store, traffic, question.place)


if __name__ == "__main__":
    answered(Question, look, os.environ)
