"""Bringing variants up and giving them traffic, as tests of endpoints do it again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from blocks.contracts import (
    Endpoints,
    OperationRef,
    ProviderError,
    RunKey,
    Serving,
    Traffic,
    VariantRequest,
)
from blocks.testing.waiting import until

T = TypeVar("T")

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
_CALLERS = 8


def again(call: Callable[[], T]) -> T:
    """Make a call until it meets no passing fault any more, as tasks do."""
    for _ in range(20):
        try:
            return call()
        except ProviderError as error:
            if not error.retryable:
                raise
    raise TimeoutError("the fault does not pass")


def up(bench: Any, endpoints: Endpoints, variant: str, kind: str = "threshold") -> OperationRef:
    """Deploy a variant of the bench's endpoint, and wait until it is known what came of it."""
    request = bench.variant_request(kind=kind, variant=variant)
    ref = again(lambda: endpoints.deploy(request, key=KEY))
    until(lambda: again(lambda: endpoints.status(ref)).phase.done, within=120)
    return ref


def give(endpoints: Endpoints, **percent: int) -> Traffic:
    """Split the live requests of the bench's endpoint."""
    return endpoints.shift("bench", Traffic(percent=percent), since=endpoints.traffic("bench"))


def bounded(bench: Any, variant: str = "blue", *, most: int = 2) -> VariantRequest:
    """Return a request for a variant that grows: its model is slow, and takes one at a time."""
    request: VariantRequest = bench.variant_request(kind="slow", variant=variant)
    serving = Serving(concurrency=1, timeout=timedelta(seconds=60))
    return request.model_copy(update={"max_replicas": most, "serving": serving})


@contextmanager
def busy(endpoints: Endpoints) -> Iterator[None]:
    """Ask the bench's endpoint without a pause, by several callers."""
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            endpoints.predict("bench", ROW)

    callers = [threading.Thread(target=ask) for _ in range(_CALLERS)]
    for each in callers:
        each.start()
    try:
        yield
    finally:
        enough.set()
        for each in callers:
            each.join()
