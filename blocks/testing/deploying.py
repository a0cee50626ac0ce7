"""Bringing variants up and giving them traffic, as tests of endpoints do it again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from blocks.contracts import (
    Endpoints,
    OperationRef,
    Phase,
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
    until(lambda: again(lambda: endpoints.status(ref)).phase.done)
    return ref


def up_to(
    bench: Any, endpoints: Endpoints, request: VariantRequest, key: RunKey = KEY
) -> OperationRef:
    """Bring up what a request asks for. Raises AssertionError if it does not come up."""
    ref = endpoints.deploy(request, key=key)
    bench.settle(ref)
    status = endpoints.status(ref)
    if status.phase is not Phase.SUCCEEDED:
        raise AssertionError(f"{status.phase}: {status.failure}")
    return ref


def give(endpoints: Endpoints, **percent: int) -> Traffic:
    """Split the live requests of the bench's endpoint."""
    return endpoints.shift("bench", Traffic(percent=percent), since=endpoints.traffic("bench"))


def blue_is_live(bench: Any, endpoints: Endpoints, **serving: Any) -> VariantRequest:
    """Bring up blue, served so, and give it all live requests; return what was asked for."""
    request: VariantRequest = bench.variant_request(variant="blue")
    request = request.model_copy(update={"serving": Serving(**serving)})
    up_to(bench, endpoints, request)
    give(endpoints, blue=100)
    return request


def bounded(bench: Any, variant: str = "blue", *, most: int = 2) -> VariantRequest:
    """Return a request for a variant that grows: it takes one at a time, and time for each."""
    request: VariantRequest = bench.variant_request(kind="heavy", variant=variant)
    serving = Serving(concurrency=1, timeout=timedelta(seconds=60))
    return request.model_copy(update={"max_replicas": most, "serving": serving})


def sizes_under_load(
    endpoints: Endpoints, then: Callable[[], object] = lambda: None
) -> Sequence[int]:
    """Return which sizes the bench's one variant has, first to last.

    It is kept busy until it has two machines; ``then`` is called, and it is left alone until it has
    one.
    """
    sizes = [1]

    def size() -> int:
        sizes.append(endpoints.variants("bench")[0].ready_replicas)
        return sizes[-1]

    with busy(endpoints):
        until(lambda: size() == 2)
    then()
    until(lambda: size() == 1)
    return sizes


def busy(endpoints: Endpoints) -> AbstractContextManager[None]:
    """Ask the bench's endpoint without a pause, by several callers."""
    return asked_by(_CALLERS, lambda: endpoints.predict("bench", ROW))


@contextmanager
def asked_by(callers: int, question: Callable[[], object]) -> Iterator[None]:
    """Let so many callers ask at once, each without a pause."""
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            question()

    asking = [threading.Thread(target=ask) for _ in range(callers)]
    for each in asking:
        each.start()
    try:
        yield
    finally:
        enough.set()
        for each in asking:
            each.join()
