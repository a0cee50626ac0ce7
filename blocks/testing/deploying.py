"""Bringing variants up and giving them traffic, as tests of endpoints do it again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from blocks.contracts import Endpoints, OperationRef, ProviderError, RunKey, Traffic
from blocks.testing.waiting import until

T = TypeVar("T")

KEY = RunKey(run="run-1", step="deploy")


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
