"""What the cloud does wrong, and what training makes of it."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
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
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.training import AzureTraining
from blocks.testing.scripts import COUNTS_ITS_STARTS, READS_ONE_FILE
from blocks.testing.strangers import strangers
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")
CREATE, GET = "ml:Jobs.CreateOrUpdate", "ml:Jobs.Get"


def submit(bench: Any, jobs: TrainingJobs) -> OperationRef:
    return jobs.submit(bench.training_request(), key=KEY)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("throttling", (Throttled, "TooManyRequests")),
        ("out-of-quota", (QuotaExceeded, "OutOfQuota")),
        ("unavailable", (Unavailable, "ServiceUnavailable")),
        ("expired-token", (Denied, "ExpiredAuthenticationToken")),
        ("access-denied", (Denied, "AuthorizationFailed")),
        ("lost-request", (Unavailable, "ServiceResponseError")),
    ],
)
def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Any, emulator: Subscription, fault: str, told: tuple[type[ProviderError], str]
) -> None:
    jobs = bench.connect(TrainingJobs)
    emulator.fault(fault, call=CREATE)
    with pytest.raises(told[0]) as caught:
        submit(bench, jobs)
    assert caught.value.code == told[1]
    assert bench.created("training") == 0
    assert len(emulator.calls(CREATE)) == 1, "waiting and asking again is the task's business"
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


@pytest.mark.parametrize("fault", ["internal-error-after", "lost-reply"])
def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Any, jobs: TrainingJobs, emulator: Subscription, fault: str
) -> None:
    emulator.fault(fault, call=CREATE)
    ref = submit(bench, jobs)
    assert len(emulator.calls(CREATE)) == 1
    bench.succeed(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == 1


def test_what_was_done_is_found_although_it_cannot_be_seen_at_once(
    bench: Any, jobs: TrainingJobs, emulator: Subscription
) -> None:
    emulator.fault("lost-reply", call=CREATE)
    emulator.fault("stale-read", call=GET, times=2)
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


def test_a_full_quota_does_not_hide_the_job_that_fills_it(
    bench: Any, jobs: TrainingJobs, emulator: Subscription
) -> None:
    first = submit(bench, jobs)
    emulator.fault("out-of-quota", call=CREATE)
    assert submit(bench, jobs) == first


def test_reads_are_patient_with_passing_faults(
    bench: Any, jobs: TrainingJobs, emulator: Subscription
) -> None:
    ref = submit(bench, jobs)
    emulator.fault("unavailable", call=GET)
    emulator.fault("stale-read", call=GET)
    emulator.fault("unavailable", call="history:*")
    emulator.fault("unavailable", call="blob:ListBlobs")
    assert not jobs.status(ref).phase.done


def test_a_killed_submitter_whose_reply_never_came_leaves_one_job(
    bench: Any, jobs: TrainingJobs, emulator: Subscription
) -> None:
    """Killed between the work and the reply, on the far side of the wire."""
    with strangers(jobs) as others:
        emulator.fault("held-reply", call=CREATE)
        pid = others.submit(bench.training_request(), key=KEY)
        until(lambda: bench.created("training") == 1, within=60)
        os.kill(pid, signal.SIGKILL)
        emulator.pull("calm")
    ref = submit(bench, jobs)
    bench.succeed(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == 1
    assert bench.running() == []


def test_no_machine_ends_the_attempt_not_the_run(
    bench: Any, jobs: TrainingJobs, emulator: Subscription
) -> None:
    emulator.fault("out-of-capacity")
    bench.settle(ref := submit(bench, jobs))
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert "OutOfCapacity" in status.failure.message
    assert status.interruptions == 0
    bench.succeed(jobs.submit(bench.training_request(), key=KEY.next()))


def test_a_spot_machine_taken_back_is_replaced_in_the_same_job(
    bench: Any, emulator: Subscription
) -> None:
    """Azure sends no signal and queues the job again; it goes on from what was saved."""
    jobs = AzureTraining(account=bench.account)  # which waits for hours
    request = bench.training_request(script=COUNTS_ITS_STARTS).model_copy(update={"spot": True})
    ref = jobs.submit(request, key=KEY)
    until(lambda: "start 1" in [line.text for line in jobs.logs(ref)])
    emulator.pull("reclaim", job=ref.id, capacity=False)
    until(lambda: jobs.status(ref).phase is Phase.QUEUED)
    assert jobs.status(ref).interruptions == 1
    emulator.pull("capacity", job=ref.id, there=True)
    until(lambda: jobs.status(ref).phase.done, within=60)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.interruptions == 1
    assert status.result is not None
    assert status.result.metrics == {"starts": 2}
    assert [line.text for line in jobs.logs(ref)] == ["start 1", "start 2"]
    assert bench.created("training") == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source_uri": "s3://not-there/code"}, "SCHEME"),
        ({"data_uri": "/on/this/machine"}, "SCHEME"),
        ({"output_uri": "abfss://another@bluewaterstore.dfs.core.windows.net/x"}, "DATASTORE"),
        ({"command": ("python", "${{inputs.data}}")}, "COMMAND"),
        ({"image": ""}, "IMAGE"),
    ],
)
def test_what_can_never_run_is_refused_before_anything_starts(
    bench: Any, jobs: TrainingJobs, change: dict[str, Any], code: str
) -> None:
    request = bench.training_request().model_copy(update=change)
    with pytest.raises(InvalidRequest) as caught:
        jobs.submit(request, key=KEY)
    assert caught.value.code == code
    assert bench.created("training") == 0


def test_spot_jobs_end_sooner_than_others(bench: Any, jobs: TrainingJobs) -> None:
    long = {"spot": True, "max_duration": timedelta(days=8)}
    with pytest.raises(Unsupported) as caught:
        jobs.submit(bench.training_request().model_copy(update=long), key=KEY)
    assert caught.value.code == "MAX_DURATION"
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
