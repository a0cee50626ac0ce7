"""What EC2 does wrong, takes back or forgets, and what training makes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from blocks import registry
from blocks.contracts import (
    InvalidRequest,
    NoCapacity,
    OperationRef,
    Phase,
    ProviderError,
    QuotaExceeded,
    RunKey,
    TrainingJobs,
    TrainingRequest,
    Unavailable,
)
from blocks.providers.aws.ec2.training import Ec2Training
from blocks.providers.aws.emulator.ec2_machine import MARK
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")
RUN, TERMINATE = "ec2:RunInstances", "ec2:TerminateInstances"
NOTICE = 120

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""

Training = Callable[..., Ec2Training]


def spot(bench: Any, **more: Any) -> TrainingRequest:
    request: TrainingRequest = bench.training_request(**more)
    return request.model_copy(update={"spot": True})


def state(bench: Any, ref: OperationRef) -> str:
    [machine] = bench.training.instances(ref)
    return str(machine["state"])


@pytest.mark.parametrize(("fault", "times"), [("lost-reply", 2), ("internal-error-after", 1)])
def test_a_reply_lost_by_run_instances_starts_no_second_machine(
    bench: Any, emulator: Account, jobs: TrainingJobs, fault: str, times: int
) -> None:
    emulator.fault(fault, call=RUN, times=times)
    with pytest.raises(Unavailable):
        jobs.submit(bench.training_request(), key=KEY)
    assert bench.created("training") == 1
    bench.succeed(jobs.submit(bench.training_request(), key=KEY))
    assert bench.created("training") == 1
    assert bench.running() == []


def test_one_lost_reply_is_not_even_noticed(
    bench: Any, emulator: Account, jobs: TrainingJobs
) -> None:
    emulator.fault("lost-reply", call=RUN)
    jobs.submit(bench.training_request(), key=KEY)
    assert bench.created("training") == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("no-capacity", (NoCapacity, "InsufficientInstanceCapacity")),
        ("spot-price", (NoCapacity, "SpotMaxPriceTooLow")),
        ("spot-count", (QuotaExceeded, "MaxSpotInstanceCountExceeded")),
        ("vcpu-limit", (QuotaExceeded, "VcpuLimitExceeded")),
    ],
)
def test_what_is_not_to_be_had_is_told_and_may_be_had_later(
    bench: Any,
    emulator: Account,
    jobs: TrainingJobs,
    fault: str,
    told: tuple[type[ProviderError], str],
) -> None:
    emulator.fault(fault)
    with pytest.raises(told[0]) as caught:
        jobs.submit(spot(bench), key=KEY)
    assert caught.value.code == told[1]
    assert bench.created("training") == 0
    ref = jobs.submit(spot(bench), key=KEY)
    assert bench.created("training") == 1
    assert jobs.submit(spot(bench), key=KEY) == ref
    assert bench.created("training") == 1


def test_a_machine_not_seen_yet_is_queued(
    bench: Any, emulator: Account, jobs: TrainingJobs
) -> None:
    ref = jobs.submit(bench.training_request(), key=KEY)
    bench.begin(ref)
    emulator.fault("stale-read", call="ec2:DescribeInstances")
    assert jobs.status(ref).phase is Phase.QUEUED
    assert jobs.status(ref).phase is Phase.RUNNING


def test_a_fleet_takes_what_is_there(bench: Any, emulator: Account, training: Training) -> None:
    jobs = training(alternatives=("m6i.large", "m5.large"))
    for machine in ("m7i.large", "m6i.large"):
        emulator.pull("ec2-capacity", machine=machine, there=False)
    ref = jobs.submit(spot(bench), key=KEY)
    assert jobs.submit(spot(bench), key=KEY) == ref
    bench.succeed(ref)
    usage = jobs.status(ref).usage
    assert usage is not None
    assert (usage.machine, usage.spot) == ("m5.large", True)
    assert bench.created("training") == 1
    assert bench.running() == []  # and no template is left


def test_a_fleet_that_finds_nothing_may_be_asked_again(
    bench: Any, emulator: Account, training: Training
) -> None:
    jobs = training(alternatives=("m6i.large",))
    emulator.pull("ec2-capacity", there=False)
    for _ in range(2):
        with pytest.raises(NoCapacity):
            jobs.submit(bench.training_request(), key=KEY)
    emulator.pull("ec2-capacity", there=True)
    bench.succeed(jobs.submit(bench.training_request(), key=KEY))
    assert bench.created("training") == 1
    assert bench.running() == []


def test_a_fleet_whose_reply_is_lost_starts_one_machine(
    bench: Any, emulator: Account, training: Training
) -> None:
    jobs = training(alternatives=("m6i.large",))
    emulator.fault("lost-reply", call="ec2:CreateFleet", times=2)
    with pytest.raises(Unavailable):
        jobs.submit(bench.training_request(), key=KEY)
    bench.succeed(jobs.submit(bench.training_request(), key=KEY))
    assert bench.created("training") == 1
    assert bench.running() == []


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


def test_a_job_runs_in_our_subnet_of_the_zone_that_is_asked_for(
    bench: Any, training: Training
) -> None:
    ec2 = bench.account.client("ec2")
    found = ec2.describe_subnets()["Subnets"]
    subnets = {each["AvailabilityZone"]: each["SubnetId"] for each in found}
    region = bench.account.region
    ours = (subnets[f"{region}a"], subnets[f"{region}b"])
    jobs = training(account={"subnets": ours})
    request = bench.training_request().model_copy(update={"zone": f"{region}b"})
    ref = jobs.submit(request, key=KEY)
    [machine] = bench.training.instances(ref)
    assert machine["asked"]["SubnetId"] == ours[1]
    with pytest.raises(InvalidRequest, match=f"{region}c"):
        jobs.submit(request.model_copy(update={"zone": f"{region}c"}), key=KEY)


def test_what_a_machine_is_told_at_its_start_is_short_and_holds_nothing_of_the_request(
    bench: Any, jobs: TrainingJobs
) -> None:
    bench.keep_secret("api-key", "sesame")
    request = bench.training_request().model_copy(
        update={
            "parameters": {"long": "x" * 50_000, "word": "peach"},
            "secrets": {"API_KEY": "api-key"},
        }
    )
    bench.begin(ref := jobs.submit(request, key=KEY))
    [machine] = bench.training.instances(ref)
    told = machine["asked"]["UserData"]
    assert len(told) < 4000
    assert bench.seen(ref)["parameters"] == request.parameters


@pytest.mark.parametrize(
    ("account", "machines", "code"),
    [
        ({}, {"instance_profile": ""}, "PROFILE"),
        ({"bucket": ""}, {}, "BUCKET"),
    ],
)
def test_what_is_not_configured_is_told_with_the_remedy(
    bench: Any, training: Training, account: dict[str, Any], machines: dict[str, Any], code: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        training(account, **machines).submit(bench.training_request(), key=KEY)
    assert caught.value.code == code
    assert bench.created("training") == 0


def test_a_container_image_is_refused(bench: Any, jobs: TrainingJobs) -> None:
    request = bench.training_request().model_copy(update={"image": "trainer:1"})
    with pytest.raises(InvalidRequest, match="machine images"):
        jobs.submit(request, key=KEY)
