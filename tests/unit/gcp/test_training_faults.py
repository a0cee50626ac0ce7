"""What the cloud does wrong, and what training makes of it."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from blocks.contracts import (
    Conflict,
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
)
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.training import VertexTraining
from blocks.testing.scripts import COUNTS_ITS_STARTS, READS_ONE_FILE
from blocks.testing.strangers import strangers
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")
CREATE = "aiplatform:CreateCustomJob"
GET = "aiplatform:GetCustomJob"
LIST = "aiplatform:ListCustomJobs"


def submit(bench: Any, jobs: TrainingJobs) -> OperationRef:
    return jobs.submit(bench.training_request(), key=KEY)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("throttling", (Throttled, "RESOURCE_EXHAUSTED")),
        ("quota", (QuotaExceeded, "RESOURCE_EXHAUSTED")),
        ("unavailable", (Unavailable, "UNAVAILABLE")),
        ("expired-token", (Denied, "UNAUTHENTICATED")),
        ("access-denied", (Denied, "PERMISSION_DENIED")),
        ("conflict", (Conflict, "ABORTED")),
        ("lost-request", (Unavailable, "UNAVAILABLE")),
    ],
)
def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Any, emulator: Project, fault: str, told: tuple[type[ProviderError], str]
) -> None:
    jobs = bench.connect(TrainingJobs)
    emulator.fault(fault, call=CREATE)
    with pytest.raises(told[0]) as caught:
        submit(bench, jobs)
    assert caught.value.code == told[1]
    assert bench.created("training") == 0
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


@pytest.mark.parametrize("fault", ["internal-error-after", "deadline-exceeded-after", "lost-reply"])
def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Any, jobs: TrainingJobs, emulator: Project, fault: str
) -> None:
    emulator.fault(fault, call=CREATE)
    ref = submit(bench, jobs)
    assert len(emulator.calls(CREATE)) == 1
    bench.succeed(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == 1


def test_what_was_done_is_found_although_it_cannot_be_seen_at_once(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    emulator.fault("lost-reply", call=CREATE)
    emulator.fault("stale-read", call=LIST, times=2)
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


def test_what_was_done_and_is_not_seen_is_found_by_asking_again(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    emulator.fault("lost-reply", call=CREATE)
    emulator.fault("stale-read", call=LIST, times=100)
    with pytest.raises(Unavailable):
        submit(bench, jobs)
    emulator.pull("calm")
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


def test_a_job_just_made_is_not_said_to_be_unknown(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    ref = submit(bench, jobs)
    emulator.fault("stale-read", call=GET, times=2)
    assert not jobs.status(ref).phase.done
    emulator.fault("stale-read", call="aiplatform:CancelCustomJob")
    jobs.cancel(ref)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED


def test_reads_are_patient_with_passing_faults(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    ref = submit(bench, jobs)
    emulator.fault("throttling", call=GET)
    emulator.fault("unavailable", call=GET)
    assert not jobs.status(ref).phase.done


def test_a_killed_submitter_whose_reply_never_came_leaves_one_job(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    """Killed between the work and the reply, on the far side of the wire, in every attempt."""
    keys = [KEY, KEY.next()]
    with strangers(jobs) as others:
        for number, key in enumerate(keys, start=1):
            emulator.fault("held-reply", call=CREATE)
            pid = others.submit(bench.training_request(), key=key)
            until(lambda number=number: bench.created("training") == number)  # type: ignore[misc]
            os.kill(pid, signal.SIGKILL)
            emulator.pull("calm")
            ref = jobs.submit(bench.training_request(), key=key)
            bench.succeed(ref)
            assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == len(keys)
    assert bench.running() == []


def test_a_submitter_killed_before_its_request_left_is_replaced(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    """Its claim is there, but no job: who comes next waits for it in vain, and makes the job."""
    emulator.fault("lost-request", call=CREATE)
    with pytest.raises(Unavailable):
        submit(bench, jobs)
    assert bench.created("training") == 0
    bench.succeed(submit(bench, bench.connect(TrainingJobs)))
    assert bench.created("training") == 1


def test_who_asks_while_another_is_at_it_gets_the_same_job(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    """The first one's reply is on its way still, and the job shows already."""
    emulator.fault("held-reply", call=CREATE)
    request, found = bench.training_request(), list[OperationRef]()
    first = threading.Thread(target=lambda: found.append(jobs.submit(request, key=KEY)))
    first.start()
    until(lambda: bench.created("training") == 1)
    second = bench.connect(TrainingJobs).submit(request, key=KEY)
    emulator.pull("calm")
    first.join()
    assert found == [second]
    assert bench.created("training") == 1


def test_who_was_too_slow_cancels_what_it_made(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    """Another has taken over meanwhile and made a job of its own: one of the two goes on."""
    emulator.fault("held-reply", call=CREATE)
    emulator.fault("stale-read", call=LIST, times=4)  # the first one's job does not show in time
    request, found = bench.training_request(), list[OperationRef]()
    first = threading.Thread(target=lambda: found.append(jobs.submit(request, key=KEY)))
    first.start()
    until(emulator.running)
    second = bench.connect(TrainingJobs).submit(request, key=KEY)
    emulator.pull("calm")
    first.join()
    assert found == [second]
    assert bench.created("training") == 2
    bench.succeed(second)
    until(lambda: bench.running() == [])
    assert submit(bench, jobs) == second


@pytest.mark.parametrize("spot", [True, False])
def test_no_machine_ends_the_attempt_not_the_run(
    bench: Any, jobs: TrainingJobs, emulator: Project, spot: bool
) -> None:
    emulator.fault("stock-out")
    request = bench.training_request().model_copy(update={"spot": spot})
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == "RESOURCE_EXHAUSTED"
    assert status.interruptions == 0
    bench.succeed(jobs.submit(request, key=KEY.next()))


@pytest.mark.parametrize("spot", [True, False])
def test_a_machine_taken_back_is_replaced_in_the_same_job(
    bench: Any, jobs: TrainingJobs, emulator: Project, spot: bool
) -> None:
    request = bench.training_request(script=COUNTS_ITS_STARTS)
    ref = jobs.submit(request.model_copy(update={"spot": spot}), key=KEY)
    until(lambda: "start 1" in [line.text for line in jobs.logs(ref)])
    emulator.pull("reclaim", job=ref.id)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.interruptions == 1
    assert status.result is not None
    assert status.result.metrics == {"starts": 2}
    assert [line.text for line in jobs.logs(ref)] == ["start 1", "start 2"]
    assert bench.created("training") == 1


def test_where_restarts_are_not_wanted_a_lost_machine_ends_the_attempt(
    bench: Any, emulator: Project
) -> None:
    jobs = VertexTraining(account=bench.account, restart=False)
    request = bench.training_request().model_copy(update={"spot": True})
    bench.begin(ref := jobs.submit(request, key=KEY))
    emulator.pull("reclaim", job=ref.id)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.interruptions == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source_uri": "gs://not-there/code"}, "NOT_FOUND"),
        ({"data_uri": "/on/this/machine"}, "SCHEME"),
        ({"image": ""}, "IMAGE"),
        ({"env": {"EMPTY": ""}}, "ENV"),
        ({"machine": "ml.m5.large"}, "MACHINE"),
        ({"machine": "n1-standard-4+1xNVIDIA_TESLA_T5"}, "MACHINE"),
    ],
)
def test_what_can_never_run_is_refused_before_anything_starts(
    bench: Any, jobs: TrainingJobs, change: dict[str, Any], code: str
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


def test_dollars_and_accelerators_arrive(bench: Any, jobs: TrainingJobs) -> None:
    """Vertex AI would take $(HOME) for a variable of its own."""
    odd = {"ODD": "$(HOME) $$(HOME) $HOME $$ $(", "HOME": "/root"}
    machine = "n1-standard-8+2xNVIDIA_TESLA_T4"
    request = bench.training_request().model_copy(update={"env": odd, "machine": machine})
    bench.begin(ref := jobs.submit(request, key=KEY))
    seen = bench.seen(ref)
    assert seen["env"] == odd
    assert seen["machine"] == machine
