"""How machines of EC2 end, by whomever, and what becomes of their jobs."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from blocks import registry
from blocks.contracts import Phase, TrainingJobs, Unavailable
from blocks.providers.aws.ec2.training import Ec2Training
from blocks.providers.aws.emulator.ec2_machine import MARK
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until
from tests.unit.aws.ec2.asked import KEY, Training, spot, state

TERMINATE = "ec2:TerminateInstances"
NOTICE = 120

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


def test_what_is_deaf_to_the_notice_is_gone_two_minutes_later(
    bench: Any, emulator: Account, jobs: TrainingJobs
) -> None:
    ref = jobs.submit(spot(bench, script=DEAF), key=KEY)
    until(lambda: [line.text for line in jobs.logs(ref)] == ["deaf"])
    [machine] = bench.training.instances(ref)
    emulator.pull("ec2-reclaim", instance=machine["id"])
    until(lambda: bench.training.instances(ref)[0]["notice_seen"])
    assert jobs.status(ref).phase is Phase.RUNNING
    emulator.advance(NOTICE)
    until(lambda: jobs.status(ref).phase.done)
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == "Server.SpotInstanceTermination"
    assert status.usage is not None
    assert status.usage.billed_seconds == 0  # taken back within the first hour
    assert status.usage.zone == machine["zone"]  # spot costs what its zone asks for


def test_a_job_that_heeds_the_notice_leaves_the_bill_to_ec2(
    bench: Any, emulator: Account, jobs: TrainingJobs
) -> None:
    """A machine that ends itself is billed; one that is taken within an hour is not."""
    bench.begin(ref := jobs.submit(spot(bench), key=KEY))
    until(lambda: [line.text for line in jobs.logs(ref)] == ["waiting for a lever"])
    [machine] = bench.training.instances(ref)
    emulator.pull("ec2-reclaim", instance=machine["id"])
    until(lambda: jobs.status(ref).phase.done)
    before = jobs.status(ref)
    assert before.phase is Phase.INTERRUPTED
    assert state(bench, ref) == "running"
    emulator.advance(NOTICE)
    until(lambda: state(bench, ref) == "terminated")
    after = jobs.status(ref)
    assert after == before
    assert after.usage is not None
    assert after.usage.billed_seconds == 0


def test_a_machine_that_cannot_begin_ends_itself_and_says_why(
    bench: Any, training: Training
) -> None:
    jobs = training(setup="echo no such package; false")
    bench.settle(ref := jobs.submit(bench.training_request(), key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert status.failure.code == "NOT_STARTED"
    assert "no such package" in status.failure.message
    assert bench.running() == []


def test_a_machine_that_hangs_is_ended_by_its_own_timer(
    bench: Any, emulator: Account, jobs: TrainingJobs
) -> None:
    request = bench.training_request(script=DEAF)
    ref = jobs.submit(request.model_copy(update={"max_duration": timedelta(hours=1)}), key=KEY)
    until(lambda: state(bench, ref) == "running")
    until(lambda: [line.text for line in jobs.logs(ref)] == ["deaf"])
    emulator.advance(3 * 3600)
    until(lambda: state(bench, ref) == "terminated")


def test_nothing_of_a_machine_that_shuts_down_is_left_when_its_cloud_ends(tmp_path: Path) -> None:
    with registry.load(registry.provider("aws-ec2").bench)(tmp_path) as bench:
        jobs = Ec2Training(account=bench.account, machines=bench.machines)
        ref = jobs.submit(bench.training_request(script=DEAF), key=KEY)
        until(lambda: [line.text for line in jobs.logs(ref)] == ["deaf"])
        [machine] = bench.training.instances(ref)
        assert on(machine["id"])
        bench.account.client("ec2").terminate_instances(InstanceIds=[machine["id"]])
    assert on(machine["id"]) == []


def on(instance: str) -> list[int]:
    """Return the processes of a machine."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == instance:
                found.append(process.pid)
    return found


def test_what_ec2_has_forgotten_is_known_from_the_record(
    bench: Any, emulator: Account, jobs: TrainingJobs
) -> None:
    bench.succeed(ref := jobs.submit(bench.training_request(), key=KEY))
    before = jobs.status(ref)
    [machine] = bench.training.instances(ref)
    emulator.pull("ec2-forget", instance=machine["id"])
    assert jobs.status(ref) == before
    assert jobs.submit(bench.training_request(), key=KEY) == ref
    assert bench.created("training") == 0  # EC2 knows of none, and none was started


def test_a_machine_that_missed_the_call_reads_the_order(
    bench: Any, emulator: Account, jobs: TrainingJobs
) -> None:
    bench.begin(ref := jobs.submit(bench.training_request(), key=KEY))
    emulator.fault("lost-request", call=TERMINATE)
    with pytest.raises(Unavailable):
        jobs.cancel(ref)
    until(lambda: state(bench, ref) == "terminated")
    assert jobs.status(ref).phase is Phase.CANCELLED


def test_a_machine_ended_by_hand_is_a_job_cancelled(bench: Any, jobs: TrainingJobs) -> None:
    bench.begin(ref := jobs.submit(bench.training_request(), key=KEY))
    [machine] = bench.training.instances(ref)
    bench.account.client("ec2").terminate_instances(InstanceIds=[machine["id"]])
    until(lambda: jobs.status(ref).phase.done)
    assert jobs.status(ref).phase is Phase.CANCELLED
