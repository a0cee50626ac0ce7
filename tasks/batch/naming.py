"""The name of a scoring: of the same question over the same data the same, else another."""

from __future__ import annotations

import hashlib

from blocks.contracts import BatchRequest, ObjectStore
from tasks.batch.record import DONE, Scoring, place_of
from tasks.memory import recall


def name_of(store: ObjectStore, request: BatchRequest) -> str:
    """Return the run that scores just this: the one that was cut off, or is done, or a new one.

    What is asked for is told by the request and by name, size and ETag of every object of the data.
    A run that failed is followed by another, and so is one whose predictions are gone.
    """
    said = [request.model_dump_json()]
    said += [f"{each.uri} {each.size} {each.etag}" for each in store.walk(request.data_uri)]
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:8]
    name = base = f"batch-{request.model.name}-{request.model.version}-{digest}"
    number = 1
    while not _stands(store, recall(store, place_of(store, name), Scoring)):
        number += 1
        name = f"{base}-{number}"
    return name


def _stands(store: ObjectStore, scoring: Scoring | None) -> bool:
    """Whether a run may go on, or what it made is still there."""
    if scoring is None or scoring.ended is None:
        return True
    return scoring.how == DONE and any(store.walk(scoring.output_uri))
