"""Tells that a retrain is asked for, and keeps how the release that follows has answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid5

from blocks.contracts import ObjectStore
from tasks import showing
from tasks.runs import UNFINISHED
from tasks.watch.ledger import WatchLedger
from tasks.watch.policy import RetrainRequest

ASKED = "bluewater.retrain.asked"
"""Event about ``bluewater.endpoint.<name>``; its payload is a RetrainRequest."""


def tell_request(endpoint: str, request: RetrainRequest) -> None:
    """Emit the event. Who dies before he has written down that he did emits the same one again."""
    showing.logger().info("a retrain is asked for: %s", "; ".join(request.reasons))
    payload = request.model_dump(mode="json")
    id_ = UUID(request.id)
    once = uuid5(id_, str(request.told)) if request.told else id_
    showing.asking_event(ASKED, f"endpoint.{endpoint}", payload, once=once)


@contextmanager
def answering(store: ObjectStore, name: str, endpoint: str, request: str) -> Iterator[str]:
    """Take up a request to retrain; close it when the release has come to its end.

    Yields the name of the run that answers it: always the same one, so that a request which is told
    twice is answered once. Without a request that is the empty string.

    Raises:
        NotAsked: nobody has asked for it.
    """
    if not request:
        yield ""
        return
    ledger, run = WatchLedger(store, endpoint), f"{name}-retrain-{request[:12]}"
    ledger.take(request, run=run, now=datetime.now(UTC))
    try:
        yield run
    except UNFINISHED:
        raise
    except Exception as error:
        ledger.close(request, how=type(error).__name__, now=datetime.now(UTC))
        raise
    else:
        ledger.close(request, how="done", now=datetime.now(UTC))
