"""The program of a job that counts traffic by Spark: ``python -m tasks.watch.on_spark``."""

from __future__ import annotations

import os
from functools import partial

from blocks.contracts import ObjectStore
from tasks.processing.spark import session, spread
from tasks.processing.work import answered
from tasks.watch.part import Found, Question, kept
from tasks.watch.traffic import counted, joined, only_captured, shares


def look(question: Question, store: ObjectStore) -> Found:
    """Have Spark's executors count some files each, where these are mounted."""
    axes = only_captured(store, question.captures, question.axes)
    count = partial(counted, store, window=question.window, axes=axes, variant=question.variant)
    parts = spread(session(), count, list(shares(question.captures)))
    return kept(store, joined(axes, parts), question.place)


if __name__ == "__main__":
    answered(Question, look, os.environ)
