"""Batch jobs of Vertex AI, when the cloud fails in the middle."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import BatchInference, Phase, QuotaExceeded, RunKey, Throttled
from blocks.providers.gcp.emulator.launch import Project

KEY = RunKey(run="run-1", step="score")
CREATE, GET = "aiplatform:CreateCustomJob", "aiplatform:GetCustomJob"
FEW = 20


@pytest.fixture
def jobs(bench: Any) -> BatchInference:
    found: BatchInference = bench.connect(BatchInference)
    return found


@pytest.mark.parametrize(("fault", "told"), [("throttling", Throttled), ("quota", QuotaExceeded)])
def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Any, jobs: BatchInference, emulator: Project, fault: str, told: type[Exception]
) -> None:
    emulator.fault(fault, call=CREATE)
    with pytest.raises(told):
        jobs.submit(bench.batch_request(FEW), key=KEY)
    assert bench.created("batch") == 0


@pytest.mark.parametrize("fault", ["lost-reply", "internal-error-after"])
def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Any, jobs: BatchInference, emulator: Project, fault: str
) -> None:
    request = bench.batch_request(FEW)
    emulator.fault(fault, call=CREATE)
    emulator.fault("stale-read", call=GET)
    ref = jobs.submit(request, key=KEY)
    assert jobs.submit(request, key=KEY) == ref
    assert jobs.status(ref).phase is not Phase.FAILED
    assert bench.created("batch") == 1


def test_no_machine_ends_the_attempt_and_not_the_run(
    bench: Any, jobs: BatchInference, emulator: Project
) -> None:
    emulator.fault("stock-out")
    request = bench.batch_request(FEW)
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == "RESOURCE_EXHAUSTED"
    bench.settle(second := jobs.submit(request, key=KEY.next()))
    assert jobs.status(second).phase is Phase.SUCCEEDED


def test_a_spot_machine_that_is_taken_with_notice_is_an_interruption(
    bench: Any, jobs: BatchInference
) -> None:
    """The container says that it was stopped; who stopped it is Vertex AI's to say."""
    request = bench.batch_request(200_000).model_copy(update={"spot": True})
    bench.begin(ref := jobs.submit(request, key=KEY))
    bench.reclaim(ref)
    assert jobs.status(ref).phase is Phase.INTERRUPTED


def test_reads_are_patient_with_passing_faults(
    bench: Any, jobs: BatchInference, emulator: Project
) -> None:
    ref = jobs.submit(bench.batch_request(FEW), key=KEY)
    emulator.fault("throttling", call=GET)
    emulator.fault("unavailable", call=GET)
    assert jobs.status(ref).phase is not Phase.FAILED
