"""What the cloud does wrong, and what training makes of it."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from blocks.contracts import (
    Denied,
    InvalidRequest,
    OperationRef,
    Phase,
    ProviderError,
    QuotaExceeded,
    RunKey,
    Throttled,
    TrainingJobs,
    Unavailable,
    Unsupported,
)
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.training import SageMakerTraining
from blocks.testing.scripts import COUNTS_ITS_STARTS, READS_ONE_FILE
from blocks.testing.strangers import strangers
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")
CREATE = "sagemaker:CreateTrainingJob"
DESCRIBE = "sagemaker:DescribeTrainingJob"


def submit(bench: Any, jobs: TrainingJobs) -> OperationRef:
    return jobs.submit(bench.training_request(), key=KEY)


def until_created(bench: Any, number: int) -> None:
    until(lambda: bench.created("training") == number)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("throttling", (Throttled, "ThrottlingException")),
        ("resource-limit", (QuotaExceeded, "ResourceLimitExceeded")),
        ("unavailable", (Unavailable, "ServiceUnavailable")),
        ("expired-token", (Denied, "ExpiredTokenException")),
        ("access-denied", (Denied, "AccessDeniedException")),
        ("lost-request", (Unavailable, "")),
    ],
)
def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Any, emulator: Account, fault: str, told: tuple[type[ProviderError], str]
) -> None:
    jobs = bench.connect(TrainingJobs)
    emulator.fault(fault, call=CREATE)
    with pytest.raises(told[0]) as caught:
        submit(bench, jobs)
    assert caught.value.code == told[1]
    assert bench.created("training") == 0
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


@pytest.mark.parametrize("fault", ["internal-error-after", "lost-reply"])
def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Any, jobs: TrainingJobs, emulator: Account, fault: str
) -> None:
    emulator.fault(fault, call=CREATE)
    ref = submit(bench, jobs)
    assert len(emulator.calls(CREATE)) == 1
    bench.succeed(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == 1


def test_what_was_done_is_found_although_it_cannot_be_seen_at_once(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    emulator.fault("lost-reply", call=CREATE)
    emulator.fault("stale-read", call=DESCRIBE, times=2)
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


def test_what_was_done_and_is_not_seen_is_found_by_asking_again(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    emulator.fault("lost-reply", call=CREATE)
    emulator.fault("stale-read", call=DESCRIBE, times=100)
    with pytest.raises(Unavailable):
        submit(bench, jobs)
    emulator.pull("calm")
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


def test_a_full_quota_does_not_hide_the_job_that_fills_it(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    """The service may look at the quota before it looks at the name."""
    first = submit(bench, jobs)
    emulator.fault("resource-limit", call=CREATE)
    assert submit(bench, jobs) == first


def test_a_job_just_made_is_not_said_to_be_unknown(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    ref = submit(bench, jobs)
    emulator.fault("stale-read", call=DESCRIBE, times=2)
    assert not jobs.status(ref).phase.done
    emulator.fault("stale-read", call="sagemaker:StopTrainingJob")
    jobs.cancel(ref)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED


def test_reads_are_patient_with_passing_faults(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    ref = submit(bench, jobs)
    emulator.fault("throttling", call=DESCRIBE)
    emulator.fault("unavailable", call=DESCRIBE)
    assert not jobs.status(ref).phase.done


def test_a_killed_submitter_whose_reply_never_came_leaves_one_job(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    """Killed between the work and the reply, on the far side of the wire, in every attempt."""
    keys = [KEY, KEY.next(), KEY.next().next()]
    with strangers(jobs) as others:
        for number, key in enumerate(keys, start=1):
            emulator.fault("held-reply", call=CREATE)
            pid = others.submit(bench.training_request(), key=key)
            until_created(bench, number)
            os.kill(pid, signal.SIGKILL)
            emulator.pull("calm")
            ref = jobs.submit(bench.training_request(), key=key)
            bench.succeed(ref)
            assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == len(keys)
    assert bench.running() == []


def test_no_machine_on_demand_ends_the_attempt_not_the_run(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    emulator.fault("capacity-error")
    bench.settle(ref := submit(bench, jobs))
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == "CapacityError"
    assert status.interruptions == 0
    bench.succeed(jobs.submit(bench.training_request(), key=KEY.next()))


def test_a_spot_job_waits_for_its_machine_and_then_runs(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    emulator.fault("capacity-error")
    request = bench.training_request().model_copy(update={"spot": True})
    ref = jobs.submit(request, key=KEY)
    assert jobs.status(ref).phase is Phase.QUEUED
    emulator.pull("capacity", job=ref.id, there=True)
    bench.succeed(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED


def test_a_spot_job_that_waits_in_vain_is_interrupted(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    emulator.fault("capacity-error")
    request = bench.training_request().model_copy(update={"spot": True})
    ref = jobs.submit(request, key=KEY)
    assert jobs.status(ref).phase is Phase.QUEUED
    emulator.advance(3 * 24 * 3600)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == "MAX_WAIT"


def test_a_spot_machine_taken_back_is_replaced_in_the_same_job(
    bench: Any, jobs: TrainingJobs, emulator: Account
) -> None:
    """As managed spot does: the same job, a new machine, the checkpoint where the old one was."""
    request = bench.training_request(script=COUNTS_ITS_STARTS)
    ref = jobs.submit(request.model_copy(update={"spot": True}), key=KEY)
    until(lambda: "start 1" in [line.text for line in jobs.logs(ref)])
    emulator.pull("reclaim", job=ref.id)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.interruptions == 1
    assert status.result is not None
    assert status.result.metrics == {"starts": 2}
    assert [line.text for line in jobs.logs(ref)] == ["start 1", "start 2"]
    assert status.usage is not None
    assert status.usage.billed_seconds is not None
    assert status.usage.billed_seconds <= status.usage.seconds
    assert bench.created("training") == 1


def test_secrets_and_a_container_without_a_network_do_not_go_together(bench: Any) -> None:
    bench.keep_secret("api-key", "sesame")
    account = bench.account.model_copy(update={"network_isolation": True})
    jobs = SageMakerTraining(account=account)
    request = bench.training_request().model_copy(update={"secrets": {"API_KEY": "api-key"}})
    with pytest.raises(Unsupported) as caught:
        jobs.submit(request, key=KEY)
    assert caught.value.code == "NETWORK_ISOLATION"
    bench.succeed(jobs.submit(bench.training_request(), key=KEY))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source_uri": "s3://not-there/code"}, "NoSuchBucket"),
        ({"data_uri": "/on/this/machine"}, "SCHEME"),
        ({"image": ""}, "IMAGE"),
    ],
)
def test_what_can_never_run_is_refused_before_anything_starts(
    bench: Any, jobs: TrainingJobs, change: dict[str, str], code: str
) -> None:
    request = bench.training_request().model_copy(update=change)
    with pytest.raises(ProviderError) as caught:
        jobs.submit(request, key=KEY)
    assert not caught.value.retryable
    assert caught.value.code == code
    assert bench.created("training") == 0


def test_data_that_is_nowhere_is_told_and_one_object_is_data(
    bench: Any, jobs: TrainingJobs
) -> None:
    folder = bench.training_request()
    nowhere = folder.model_copy(update={"data_uri": f"{folder.data_uri}/nothing"})
    with pytest.raises(InvalidRequest) as caught:
        jobs.submit(nowhere, key=KEY)
    assert caught.value.code == "DATA"
    one = folder.model_copy(update={"data_uri": f"{folder.data_uri}/rows.csv"})
    script = bench.training_request(script=READS_ONE_FILE).source_uri
    bench.settle(ref := jobs.submit(one.model_copy(update={"source_uri": script}), key=KEY))
    result = jobs.status(ref).result
    assert result is not None
    assert result.metrics == {"letters": 4}
