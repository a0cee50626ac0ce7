"""How jobs of this machine end, whoever is killed, stopped or missing."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest

from blocks.contracts import InvalidRequest, NotFound, OperationRef, Phase
from blocks.providers.local import processes
from blocks.providers.local.jobs import Job, Started, StopOrder, StopReason
from blocks.providers.local.market import Market
from blocks.providers.local.training import LocalTraining
from blocks.testing.bench import Bench
from blocks.testing.waiting import until
from tests.unit.local.begun_jobs import (
    IGNORES_NOTICE,
    KEY,
    begun,
    command_of,
    failure_of,
    folder_of,
)


def kill_runner(jobs: LocalTraining, ref: OperationRef) -> None:
    started = folder_of(jobs, ref).read(Started)
    assert started is not None
    os.kill(started.runner.pid, signal.SIGKILL)
    until(lambda: not processes.alive(started.runner))


@pytest.mark.parametrize("end", ["succeed", "fail"])
def test_a_job_whose_runner_was_killed_goes_on_to_its_end(
    bench: Bench, jobs: LocalTraining, end: str
) -> None:
    ref = begun(bench, jobs, bench.training_request())
    kill_runner(jobs, ref)
    assert jobs.status(ref).phase is Phase.RUNNING
    assert jobs.submit(bench.training_request(), key=KEY) == ref
    assert len(bench.running()) == 1
    if end == "succeed":
        bench.succeed(ref)
        assert jobs.status(ref).phase is Phase.SUCCEEDED
    else:
        bench.fail(ref, "loss is NaN")
        assert failure_of(jobs, ref)[:2] == (Phase.FAILED, "ValueError")
    assert bench.created("training") == 1


def test_a_job_whose_runner_was_killed_can_be_cancelled(bench: Bench, jobs: LocalTraining) -> None:
    ref = begun(bench, jobs, bench.training_request(script=IGNORES_NOTICE))
    kill_runner(jobs, ref)
    impatient = LocalTraining(machine=jobs.machine)
    impatient.cancel(ref)
    order = folder_of(jobs, ref).read(StopOrder)
    job = folder_of(jobs, ref).read(Job)
    assert order is not None
    assert job is not None
    folder_of(jobs, ref).write(job.model_copy(update={"grace": 0.0}))
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert bench.running() == []


def test_a_job_whose_runner_was_killed_still_has_a_longest_duration(
    bench: Bench, jobs: LocalTraining
) -> None:
    ref = begun(bench, jobs, bench.training_request())
    kill_runner(jobs, ref)
    folder = folder_of(jobs, ref)
    job = folder.read(Job)
    assert job is not None
    shorter = job.request.model_copy(update={"max_duration": timedelta(0)})
    folder.write(job.model_copy(update={"request": shorter, "grace": 0.0}))
    bench.settle(ref)
    assert failure_of(jobs, ref)[:2] == (Phase.FAILED, "MAX_DURATION")


def test_a_runner_killed_with_its_job_is_a_machine_that_is_gone(
    bench: Bench, jobs: LocalTraining
) -> None:
    ref = begun(bench, jobs, bench.training_request())
    kill_runner(jobs, ref)
    os.kill(command_of(jobs, ref).pid, signal.SIGKILL)
    bench.settle(ref)
    assert failure_of(jobs, ref)[:2] == (Phase.INTERRUPTED, "MACHINE_GONE")


def test_a_job_that_ignores_the_notice_is_killed(bench: Bench, jobs: LocalTraining) -> None:
    quick = jobs.model_copy(update={"market": Market(notice=0.1)})
    request = bench.training_request(script=IGNORES_NOTICE).model_copy(update={"spot": True})
    ref = quick.submit(request, key=KEY)
    until(lambda: [line.text for line in quick.logs(ref)] == ["deaf"])
    quick.reclaim(ref)
    bench.settle(ref)
    assert failure_of(quick, ref)[:2] == (Phase.INTERRUPTED, "RECLAIMED")
    assert bench.running() == []


def test_only_spot_jobs_are_taken_back(bench: Bench, jobs: LocalTraining) -> None:
    ref = begun(bench, jobs, bench.training_request())
    with pytest.raises(InvalidRequest, match="spot"):
        jobs.reclaim(ref)
    with pytest.raises(NotFound):
        jobs.reclaim(ref.model_copy(update={"id": "0" * 32}))
    assert jobs.status(ref).phase is Phase.RUNNING


def test_what_the_command_leaves_behind_ends_with_it(bench: Bench, jobs: LocalTraining) -> None:
    """Also in a session of its own."""
    command = ("sh", "-c", "setsid sleep 1000 & sleep 1000 & echo $!; exit 3")
    request = bench.training_request().model_copy(update={"command": command})
    bench.settle(ref := jobs.submit(request, key=KEY))
    assert failure_of(jobs, ref)[:2] == (Phase.FAILED, "EXIT_3")
    assert bench.running() == []


def test_a_command_killed_from_outside_has_failed(bench: Bench, jobs: LocalTraining) -> None:
    """As by the kernel when memory runs out: trying again would end the same way."""
    ref = begun(bench, jobs, bench.training_request())
    os.kill(command_of(jobs, ref).pid, signal.SIGKILL)
    bench.settle(ref)
    phase, code, message = failure_of(jobs, ref)
    assert (phase, code) == (Phase.FAILED, "SIGKILL")
    assert "memory" in message


def test_a_runner_told_to_end_lets_its_job_save_first(bench: Bench, jobs: LocalTraining) -> None:
    """As when this machine is shut down."""
    ref = begun(bench, jobs, bench.training_request())
    until(lambda: list(jobs.logs(ref)))
    started = folder_of(jobs, ref).read(Started)
    assert started is not None
    os.kill(started.runner.pid, signal.SIGTERM)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.INTERRUPTED
    assert bench.running() == []


def test_a_command_that_is_not_there_is_a_failure(bench: Bench, jobs: LocalTraining) -> None:
    request = bench.training_request().model_copy(update={"command": ("no-such-program",)})
    bench.settle(ref := jobs.submit(request, key=KEY))
    phase, code, message = failure_of(jobs, ref)
    assert (phase, code) == (Phase.FAILED, "NO_COMMAND")
    assert "no-such-program" in message


def test_the_first_order_to_stop_counts(bench: Bench, jobs: LocalTraining) -> None:
    ref = begun(bench, jobs, bench.training_request(script=IGNORES_NOTICE))
    folder_of(jobs, ref).order_stop(StopReason.RECLAIMED)
    jobs.cancel(ref)
    order = folder_of(jobs, ref).read(StopOrder)
    assert order is not None
    assert order.reason is StopReason.RECLAIMED
