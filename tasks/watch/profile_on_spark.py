"""The program of a job that makes a model's reference by Spark.

Run as ``python -m tasks.watch.profile_on_spark``: executors see shares of the training rows, where
these are mounted; the rows held out are scored by the driver.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from blocks.contracts import ObjectInfo, ObjectStore
from tasks.drift.reference import Layout
from tasks.processing.spark import session, spread
from tasks.processing.work import answered
from tasks.watch.profile_near import REFUSALS, made
from tasks.watch.profile_part import Question, ReferenceMade
from tasks.watch.training_rows import Seen, joined, seen, shared


def look(question: Question, store: ObjectStore) -> ReferenceMade:
    """Make it, as on any machine."""
    return made(question, store, see=_by_executors)


def _by_executors(store: ObjectStore, objects: Sequence[ObjectInfo], layout: Layout) -> Seen:
    work = partial(seen, store=store, layout=layout)
    return joined(spread(session(), work, list(shared(store, objects))), layout)


if __name__ == "__main__":
    answered(Question, look, os.environ, refusals=REFUSALS)
