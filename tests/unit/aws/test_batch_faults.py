"""Batch jobs of SageMaker, when the cloud fails in the middle."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import BatchInference, Phase, QuotaExceeded, RunKey, Throttled
from blocks.providers.aws.emulator.launch import Account

KEY = RunKey(run="run-1", step="score")
CREATE, DESCRIBE = "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"
FEW = 20


@pytest.fixture
def jobs(bench: Any) -> BatchInference:
    found: BatchInference = bench.connect(BatchInference)
    return found


@pytest.mark.parametrize(
    ("fault", "told"), [("throttling", Throttled), ("resource-limit", QuotaExceeded)]
)
def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Any, jobs: BatchInference, emulator: Account, fault: str, told: type[Exception]
) -> None:
    emulator.fault(fault, call=CREATE)
    with pytest.raises(told):
        jobs.submit(bench.batch_request(FEW), key=KEY)
    assert bench.created("batch") == 0


@pytest.mark.parametrize("fault", ["lost-reply", "internal-error-after"])
def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Any, jobs: BatchInference, emulator: Account, fault: str
) -> None:
    request = bench.batch_request(FEW)
    emulator.fault(fault, call=CREATE)
    emulator.fault("stale-read", call=DESCRIBE)
    ref = jobs.submit(request, key=KEY)
    assert jobs.submit(request, key=KEY) == ref
    assert bench.created("batch") == 1


def test_no_machine_ends_the_attempt_and_not_the_run(
    bench: Any, jobs: BatchInference, emulator: Account
) -> None:
    emulator.fault("capacity-error")
    request = bench.batch_request(FEW)
    ref = jobs.submit(request, key=KEY)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == "CapacityError"
    bench.settle(second := jobs.submit(request, key=KEY.next()))
    assert jobs.status(second).phase is Phase.SUCCEEDED


def test_reads_are_patient_with_passing_faults(
    bench: Any, jobs: BatchInference, emulator: Account
) -> None:
    ref = jobs.submit(bench.batch_request(FEW), key=KEY)
    emulator.fault("throttling", call=DESCRIBE)
    emulator.fault("unavailable", call=DESCRIBE)
    assert jobs.status(ref).phase is not Phase.FAILED
