"""The levers by which the conformance suite moves a provider's world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from blocks.contracts import (
    BatchRequest,
    Contract,
    ModelDraft,
    OperationRef,
    ProcessingRequest,
    TrainingRequest,
    VariantRequest,
    Window,
)

C = TypeVar("C", bound=Contract)


class Bench(Protocol):
    """Everything the suite needs to know about one provider.

    A provider ships one, next to its code. Nothing else in the suite is allowed to know which
    provider it is talking to.
    """

    def connect(self, contract: type[C]) -> C:
        """Return a block wired to this world, as a fresh process would build it."""
        ...

    def training_request(self, *, script: str = ...) -> TrainingRequest:
        """Return a request whose job runs ``script`` (Python, with ``blocks.workload``) for real.

        The default script waits until told by ``succeed`` or ``fail``.
        """
        ...

    def model_draft(self, *, kind: str = "threshold") -> ModelDraft:
        """Return a draft of a small real MLflow model, made afresh.

        Kinds: ``threshold`` (input ``x: double``, ``n: long``, optional ``note: string``; predicts
        x > 0.5 as 0.0 or 1.0), ``constant`` (always 0.25), ``broken`` (raises on every request),
        ``unloadable`` (fails while loading), ``slow`` (50 ms longer for 2 % of the requests),
        ``heavy`` (20 ms for each), ``flaky`` (raises on 2 %), ``shifted`` (scores moved up by a
        half), ``same`` (as threshold), ``held`` (as threshold; waits with rows from n = 100 on
        until ``let_go``).
        """
        ...

    def variant_request(self, *, kind: str = "threshold", variant: str = "blue") -> VariantRequest:
        """Return a request to serve a model of that kind on an endpoint of this world."""
        ...

    def batch_request(self, rows: int, *, kind: str = "threshold") -> BatchRequest:
        """Return a request to score that many rows, in four files, with a model of that kind."""
        ...

    def let_go(self) -> None:
        """Let the batch jobs go on whose model is a ``held`` one."""
        ...

    def processing_request(self, script: str) -> ProcessingRequest:
        """Return a request whose job runs ``script`` (Python) for real.

        Inputs: ``rows``, a folder with two files, and ``one``, an object. Outputs: ``found`` and
        ``more``.
        """
        ...

    def begin(self, ref: OperationRef) -> None:
        """Let queued work start; return when the provider reports it running."""
        ...

    def succeed(self, ref: OperationRef) -> None:
        """Let running work succeed; return when it has."""
        ...

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Let running work fail for ``reason``; return when it has."""
        ...

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine back, as a spot market does; return when it is gone."""
        ...

    def settle(self, ref: OperationRef) -> None:
        """Return when an operation has come to its end by itself."""
        ...

    def move_by_hand(self, endpoint: str, variant: str) -> None:
        """Give a variant all traffic past us, as people do in the provider's console."""
        ...

    def scaled(self, endpoint: str) -> Mapping[str, tuple[int, int]]:
        """Return the bounds between which another service scales variants, as it tells them."""
        ...

    def look(self, endpoint: str) -> None:
        """Let the provider's monitor look at what was asked so far; return when it has."""
        ...

    def looking(self, endpoint: str) -> Window:
        """Return a window, in the provider's time, in which that last look was due."""
        ...

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """What upstream holds of the request, told back in the words of ours."""
        ...

    def created(self, capability: str) -> int:
        """How many things of this kind were ever created upstream."""
        ...

    def running(self) -> Sequence[str]:
        """What computes or bills upstream right now, by any name."""
        ...

    def zone(self) -> str:
        """Return a zone that a training request may name; empty where that is not on offer."""
        ...

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret where the provider's store finds it."""
        ...


class BenchFactory(Protocol):
    """Makes a world of its own below ``folder`` and takes it down at the end."""

    def __call__(self, folder: Path) -> AbstractContextManager[Bench]:
        """Return the world, ready to be entered."""
        ...
