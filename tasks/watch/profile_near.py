"""The program of a job that makes a model's reference: ``python -m tasks.watch.profile_near``."""

from __future__ import annotations

import os

from blocks.contracts import ObjectStore
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.scoring import load_model
from tasks.processing.work import answered
from tasks.transfer.models import model_folder
from tasks.watch import reference
from tasks.watch.profile_part import Question, ReferenceMade
from tasks.watch.training import BASELINE, baseline, reference_for, rows_seen
from tasks.watch.training_rows import See, here

REFUSALS = (ModelRefused,)


def made(question: Question, store: ObjectStore, *, see: See = here) -> ReferenceMade:
    """Profile what a model was trained on, and keep it in the store."""
    training, place = question.training, question.place
    model = load_model(model_folder(store, training.model_uri, training.digest), training.digest)
    rows = rows_seen(store, question.data, question.spec, model, see=see)
    found = reference_for(store, question.data, model, rows, name=training.digest[:12])
    kept = store.write(f"{place}/{reference.NAME}", reference.to_bytes(found))
    sample = baseline(rows, model, ignore=question.spec.ignore)
    beside = store.write(f"{place}/{BASELINE}", sample)
    return ReferenceMade(
        uri=kept.uri,
        baseline_uri=beside.uri,
        rows=found.profile.whole.rows,
        batches=len(found.profile.batches),
        columns=found.profile.axes.names,
    )


if __name__ == "__main__":
    answered(Question, made, os.environ, refusals=REFUSALS)
