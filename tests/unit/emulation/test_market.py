"""The market that takes machines of an emulated cloud."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from blocks.contracts import (
    Idempotency,
    LogLine,
    OperationRef,
    OperationStatus,
    Phase,
    ProviderError,
    TrainingFeatures,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
    Usage,
)
from blocks.emulation.market import SpotMarket
from blocks.testing.waiting import until


class HalfDone(TrainingJobs):
    """Whatever it is asked about has done half of its work on a spot machine."""

    provider: ClassVar[str] = "half-done"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.NATIVE,
        spot=True,
        multi_node=False,
        zones=False,
        studies=False,
        max_duration=None,
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        return self._reference("one", token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        usage = Usage(machine="m5.large", seconds=1.0, spot=True)
        return OperationStatus(phase=Phase.RUNNING, progress=0.5, usage=usage)

    def _cancel(self, ref: OperationRef) -> None:
        pass

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        yield from ()


def test_a_job_that_ends_just_before_its_machine_is_taken_leaves_the_market_to_the_next() -> None:
    running, asked = ["first"], []

    def take(job: str) -> None:
        asked.append(job)
        if job == "first":
            running[:] = ["second"]
            raise ValueError("no machine works at job first")

    with SpotMarket(HalfDone(), lambda: list(running), take, once=True, tape=None) as market:
        until(lambda: market.taken)
    assert asked == ["first", "second"]
    assert market.taken == ["second"]
