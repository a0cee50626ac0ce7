"""What a cloud does wrong, and what training makes of it, in each cloud's own words."""

from __future__ import annotations

import threading

import pytest

from blocks.contracts import (
    InvalidRequest,
    OperationRef,
    Phase,
    ProviderError,
    QuotaExceeded,
    RunKey,
    TrainingJobs,
    Unavailable,
)
from blocks.emulation.launch import Emulator
from blocks.testing.bench import Bench
from blocks.testing.crowd import stranger
from blocks.testing.scripts import COUNTS_ITS_STARTS, READS_ONE_FILE
from blocks.testing.waiting import until
from blocks.testing.words import JobWords, Never

CONTRACT = TrainingJobs
KEY = RunKey(run="run-1", step="train")


@pytest.fixture
def jobs(bench: Bench) -> TrainingJobs:
    return bench.connect(TrainingJobs)


def submit(bench: Bench, jobs: TrainingJobs, *, spot: bool = False) -> OperationRef:
    return jobs.submit(bench.training_request().model_copy(update={"spot": spot}), key=KEY)


def until_created(bench: Bench, number: int) -> None:
    until(lambda: bench.created("training") == number)


def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    for number, refused in enumerate(words.refused, start=1):
        emulator.fault(refused.fault, call=words.create)
        with pytest.raises(refused.kind) as caught:
            submit(bench, jobs)
        assert caught.value.code == refused.code, refused
        assert bench.created("training") == 0, refused
        assert len(emulator.calls(words.create)) == number, "asking again is the task's business"
    bench.succeed(submit(bench, bench.connect(TrainingJobs)))
    assert bench.created("training") == 1


def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords, done: str
) -> None:
    emulator.fault(done, call=words.create)
    ref = submit(bench, jobs)
    assert len(emulator.calls(words.create)) == 1
    bench.succeed(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == 1


def test_what_was_done_is_found_although_it_cannot_be_seen_at_once(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    emulator.fault("lost-reply", call=words.create)
    emulator.fault("stale-read", call=words.search, times=2)
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


def test_what_was_done_and_is_not_seen_is_found_by_asking_again(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    emulator.fault("lost-reply", call=words.create)
    emulator.fault("stale-read", call=words.search, times=100)
    with pytest.raises(Unavailable):
        submit(bench, jobs)
    emulator.pull("calm")
    bench.succeed(submit(bench, jobs))
    assert bench.created("training") == 1


def test_a_full_quota_does_not_hide_the_job_that_fills_it(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    """The service may look at the quota before it looks at the name."""
    first = submit(bench, jobs)
    [quota] = [each.fault for each in words.refused if each.kind is QuotaExceeded]
    emulator.fault(quota, call=words.create)
    assert submit(bench, jobs) == first


def test_a_job_just_made_is_not_said_to_be_unknown(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    ref = submit(bench, jobs)
    emulator.fault("stale-read", call=words.get, times=2)
    assert not jobs.status(ref).phase.done
    emulator.fault("stale-read", call=words.cancel)
    jobs.cancel(ref)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED


def test_reads_are_patient_with_passing_faults(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    ref = submit(bench, jobs)
    for fault, call in words.passing:
        emulator.fault(fault, call=call)
    assert not jobs.status(ref).phase.done


def test_a_killed_submitter_whose_reply_never_came_leaves_one_job(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    """Killed between the work and the reply, on the far side of the wire, in every attempt."""
    keys = [KEY, KEY.next()]
    for number, key in enumerate(keys, start=1):
        emulator.fault("held-reply", call=words.create)
        dying = stranger(jobs, "submit", bench.training_request(), key=key)
        until_created(bench, number)
        dying.kill()
        emulator.pull("calm")
        ref = jobs.submit(bench.training_request(), key=key)
        bench.succeed(ref)
        assert jobs.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("training") == len(keys)
    assert bench.running() == []


def test_who_asks_while_another_is_at_it_gets_the_same_job(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords
) -> None:
    """The first one's reply is on its way still, and the job shows already."""
    emulator.fault("held-reply", call=words.create)
    request, found = bench.training_request(), list[OperationRef]()
    first = threading.Thread(target=lambda: found.append(jobs.submit(request, key=KEY)))
    first.start()
    until_created(bench, 1)
    second = bench.connect(TrainingJobs).submit(request, key=KEY)
    emulator.pull("calm")
    first.join()
    assert found == [second]
    assert bench.created("training") == 1


@pytest.mark.parametrize("spot", [False, True])
def test_no_machine_ends_the_attempt_not_the_run(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords, spot: bool
) -> None:
    if spot and words.spot_waits:
        pytest.skip("a spot job goes on waiting here")
    emulator.fault(words.no_machine)
    bench.settle(ref := submit(bench, jobs, spot=spot))
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == words.no_machine_says
    assert status.interruptions == 0
    bench.succeed(jobs.submit(bench.training_request(), key=KEY.next()))


@pytest.mark.parametrize("spot", [True, False])
def test_a_machine_taken_back_is_replaced_in_the_same_job(
    bench: Bench, jobs: TrainingJobs, emulator: Emulator, words: JobWords, spot: bool
) -> None:
    """The same job, a new machine, the checkpoint where the old one was."""
    if spot not in words.replaces:
        pytest.skip("a job that loses such a machine is over here")
    request = bench.training_request(script=COUNTS_ITS_STARTS)
    ref = jobs.submit(request.model_copy(update={"spot": spot}), key=KEY)
    until(lambda: "start 1" in [line.text for line in jobs.logs(ref)])
    emulator.pull("reclaim", job=ref.id)
    until(lambda: jobs.status(ref).phase.done)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.interruptions == 1
    assert status.result is not None
    assert status.result.metrics == {"starts": 2}
    assert [line.text for line in jobs.logs(ref)] == ["start 1", "start 2"]
    if status.usage is not None and status.usage.billed_seconds is not None:
        assert status.usage.billed_seconds <= status.usage.seconds
    assert bench.created("training") == 1


def test_what_can_never_run_is_refused_before_anything_starts(
    bench: Bench, jobs: TrainingJobs, never: Never
) -> None:
    request = bench.training_request().model_copy(update=dict(never.change))
    with pytest.raises(ProviderError) as caught:
        jobs.submit(request, key=KEY)
    assert not caught.value.retryable
    assert caught.value.code == never.code
    assert bench.created("training") == 0


@pytest.mark.usefixtures("words")
def test_data_that_is_nowhere_is_told_and_one_object_is_data(
    bench: Bench, jobs: TrainingJobs
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
