"""The policies for EC2 are neither too small nor too large for what the blocks do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blocks.contracts import Inventory, Prices, RunKey, TrainingJobs
from blocks.providers.aws.bench import KEY
from blocks.providers.aws.ec2.training import Ec2Training
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.testing.waiting import until
from deployments.aws.ec2_policy import CALLER, MACHINE

RUN = RunKey(run="run-1", step="everything")

SAVES_ONE_MORE = """
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    before = job.checkpoints.latest()
    with job.checkpoints.saving(before.step + 1 if before else 1) as folder:
        (folder / "state").write_text("more")
    model = Path("model")
    model.mkdir()
    (model / "weights").write_text("1")
    print("saved", flush=True)
    job.succeed(model=model, metrics={})
"""


def test_everything_is_allowed_that_is_done_and_nothing_else(
    bench: Any, training: Callable[..., Ec2Training], jobs: TrainingJobs
) -> None:
    bench.keep_secret("api-key", "sesame")
    subnets = _subnets(bench)
    bench.emulator.pull("policy", key=KEY, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(MACHINE))
    request = bench.training_request(script=SAVES_ONE_MORE)
    more = {"secrets": {"API_KEY": "api-key"}, "env": {"BLUEWATER_CHECKPOINTS_KEPT": "1"}}
    fleet = training(account={"subnets": subnets})
    for key in (RUN, RUN.next()):  # the second one's checkpoint takes the place of the first's
        bench.settle(ref := fleet.submit(request.model_copy(update=more), key=key))
        assert fleet.status(ref).result is not None
        assert list(fleet.logs(ref))
    broken = training(setup="false")
    bench.settle(failed := broken.submit(request, key=RUN.next()))
    failure = broken.status(failed).failure
    assert failure is not None
    assert failure.code == "NOT_STARTED"
    bench.begin(jobs.submit(bench.training_request(), key=RUN))
    assert bench.connect(Prices).price(request.machine, spot=True) is not None
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    until(lambda: bench.running() == [])
    assert set(bench.emulator.pull("actions", key=KEY)) == set(CALLER)
    assert set(bench.emulator.pull("actions", key=CONTAINERS)) == set(MACHINE)


def _subnets(bench: Any) -> tuple[str, ...]:
    ec2 = bench.training.account.client("ec2")
    return tuple(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"])
