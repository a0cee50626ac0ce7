"""What EC2 does wrong, takes back or forgets, and what training makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import (
    InvalidRequest,
    NoCapacity,
    Phase,
    ProviderError,
    QuotaExceeded,
    TrainingJobs,
    Unavailable,
)
from blocks.providers.aws.emulator.launch import Account
from tests.unit.aws.ec2.asked import KEY, Training, spot

RUN = "ec2:RunInstances"


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
