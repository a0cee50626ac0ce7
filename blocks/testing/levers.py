"""A bench's levers, one module for each kind of work, and which of them an operation belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.contracts import (
    BatchRequest,
    ModelDraft,
    OperationRef,
    ProcessingRequest,
    TrainingRequest,
    VariantRequest,
    Window,
)


class Levers:
    """The part of a bench that hands on; a provider's bench adds its world.

    ``kinds`` has levers by capability. Each has those methods of ``Bench`` that its kind of work
    has, and makes what is asked for: ``request``, or ``draft`` for models.
    """

    def __init__(self, provider: str, kinds: Mapping[str, Any]) -> None:
        self.provider, self._kinds = provider, kinds

    def training_request(self, *, script: str = "") -> TrainingRequest:
        """Return a request whose job runs ``script``; the default one waits for a lever."""
        request: TrainingRequest = self._of("training").request(script)
        return request

    def model_draft(self, *, kind: str = "threshold") -> ModelDraft:
        """Return a draft of a small real model, made afresh."""
        draft: ModelDraft = self._of("models").draft(kind)
        return draft

    def variant_request(self, *, kind: str = "threshold", variant: str = "blue") -> VariantRequest:
        """Return a request to serve a model of that kind on the endpoint of this world."""
        request: VariantRequest = self._of("endpoints").request(kind, variant)
        return request

    def batch_request(self, rows: int, *, kind: str = "threshold") -> BatchRequest:
        """Return a request to score that many rows with a model of that kind."""
        request: BatchRequest = self._of("batch").request(rows, kind)
        return request

    def let_go(self) -> None:
        """Let the batch jobs go on that a ``held`` model holds."""
        self._of("batch").let_go()

    def processing_request(self, script: str) -> ProcessingRequest:
        """Return a request whose job runs ``script`` over a folder and an object."""
        request: ProcessingRequest = self._of("processing").request(script)
        return request

    def begin(self, ref: OperationRef) -> None:
        """Let queued work start; return when the provider reports it running."""
        self._of(ref.capability).begin(ref)

    def succeed(self, ref: OperationRef) -> None:
        """Let running work succeed; return when it has."""
        self._of(ref.capability).succeed(ref)

    def fail(self, ref: OperationRef, reason: str) -> None:
        """Let running work fail for ``reason``; return when it has."""
        self._of(ref.capability).fail(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine back, as a spot market does; return when it is gone."""
        self._of(ref.capability).reclaim(ref)

    def settle(self, ref: OperationRef) -> None:
        """Return when an operation has come to its end by itself."""
        self._of(ref.capability).settle(ref)

    def move_by_hand(self, endpoint: str, variant: str) -> None:
        """Give a variant all traffic past us, as people do in the cloud's console."""
        self._of("endpoints").move_by_hand(endpoint, variant)

    def scaled(self, endpoint: str) -> Mapping[str, tuple[int, int]]:
        """Return the bounds between which variants are scaled, as the cloud tells them."""
        bounds: Mapping[str, tuple[int, int]] = self._of("endpoints").scaled(endpoint)
        return bounds

    def look(self, endpoint: str) -> None:
        """Let the provider's monitor look at what was asked so far; return when it has."""
        self._of("watching").look(endpoint)

    def looking(self, endpoint: str) -> Window:
        """Return a window in which that last look was due."""
        window: Window = self._of("watching").looking(endpoint)
        return window

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Return what upstream holds of the request, in the words of ours."""
        found: Mapping[str, object] = self._of(ref.capability).seen(ref)
        return found

    def created(self, capability: str) -> int:
        """Return how many things of this kind were ever created upstream."""
        count: int = self._of(capability).created()
        return count

    def _of(self, capability: str) -> Any:
        if capability not in self._kinds:
            raise NotImplementedError(f"{self.provider} has no levers for {capability}")
        return self._kinds[capability]
