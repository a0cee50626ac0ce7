"""Which attempt comes next: two budgets, one for bad luck and one for bugs."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.contracts import Phase, TrainingRequest
from tasks.training.spec import TrainingSpec


class TrainingFailed(Exception):
    """The training code itself failed; trying again will not help."""


class TooManyInterruptions(Exception):
    """Capacity was taken back more often than the specification allows."""


class TrainingCancelled(Exception):
    """Somebody stopped the job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run has used of its two budgets."""

    interruptions: int = 0
    failures: int = 0

    def after(self, phase: Phase, spec: TrainingSpec, why: str) -> Budget:
        """Return what is used after an attempt ended without a model; raise when it is too much.

        Interruptions never count as failures, and failures never as interruptions.
        """
        if phase is Phase.INTERRUPTED:
            allowed = spec.spot.interruptions_allowed if spec.spot else 0
            if self.interruptions >= allowed:
                raise TooManyInterruptions(
                    f"{self.interruptions + 1} attempts were taken back, {allowed} allowed: {why}"
                )
            return Budget(interruptions=self.interruptions + 1, failures=self.failures)
        if phase is Phase.FAILED:
            if self.failures >= spec.failures_allowed:
                raise TrainingFailed(why)
            return Budget(interruptions=self.interruptions, failures=self.failures + 1)
        raise TrainingCancelled(why)

    def request(self, base: TrainingRequest, spec: TrainingSpec) -> TrainingRequest:
        """Return the request of the next attempt: the last one allowed may be on-demand."""
        spot = spec.spot
        if spot is None:
            return base
        last = self.interruptions >= spot.interruptions_allowed and spot.interruptions_allowed > 0
        return base.model_copy(update={"spot": not (last and spot.last_on_demand)})
