"""What every provider's inventory must do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from blocks import registry
from blocks.contracts import (
    BatchInference,
    Contract,
    Denied,
    Endpoints,
    Inventory,
    OperationRef,
    Phase,
    Resource,
    RunKey,
    TrainingJobs,
)
from blocks.testing.bench import Bench
from blocks.testing.waiting import until

CONTRACT = Inventory
KEY = RunKey(run="run-1", step="train")

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code])
print("deaf", flush=True)
child.wait()
"""


@pytest.fixture
def inventory(bench: Bench) -> Inventory:
    return bench.connect(Inventory)


@pytest.fixture
def other(inventory: Inventory, tmp_path: Path) -> Iterator[Bench]:
    """Another world of the same provider, with an owner of its own."""
    with registry.load(registry.provider(inventory.provider).bench)(tmp_path / "other") as bench:
        yield bench


def offers(inventory: Inventory, contract: type[Contract]) -> bool:
    return contract.capability in registry.provider(inventory.provider).capabilities


def train(bench: Bench, script: str = "") -> OperationRef:
    request = bench.training_request(script=script) if script else bench.training_request()
    bench.begin(ref := bench.connect(TrainingJobs).submit(request, key=KEY))
    return ref


def listed(inventory: Inventory) -> dict[tuple[str, str], Resource]:
    found = list(inventory.owned())
    assert len({(each.kind, each.id) for each in found}) == len(found), "something is listed twice"
    return {(each.kind, each.id): each for each in found}


def test_a_new_world_owns_nothing(inventory: Inventory) -> None:
    assert list(inventory.owned()) == []


def test_running_work_is_listed_and_finished_work_too(bench: Bench, inventory: Inventory) -> None:
    if not offers(inventory, TrainingJobs):
        pytest.skip("this provider does not train")
    ref = train(bench)
    found = listed(inventory)["training-job", ref.id]
    assert found.running
    assert found.created.tzinfo is not None
    assert found.name
    bench.succeed(ref)
    after = listed(bench.connect(Inventory))["training-job", ref.id]
    assert not after.running
    assert after.created == found.created
    assert Resource.model_validate_json(after.model_dump_json()) == after
    if offers(inventory, BatchInference):
        scored = bench.connect(BatchInference).submit(bench.batch_request(10), key=KEY)
        assert ("batch-job", scored.id) in listed(inventory)
        bench.settle(scored)
        assert not listed(inventory)["batch-job", scored.id].running


def test_running_work_tells_what_it_costs_and_whose_it_is(
    bench: Bench, inventory: Inventory
) -> None:
    """A sweep has nothing else to know a job of a run by, or the machines to put a price on."""
    if offers(inventory, TrainingJobs):
        asked = bench.training_request()
        bench.begin(job := bench.connect(TrainingJobs).submit(asked, key=KEY))
        found = listed(inventory)["training-job", job.id]
        [machines] = found.machines
        assert (machines.machine, machines.count, machines.variant) == (asked.machine, 1, "")
        assert found.output_uri.rstrip("/") == asked.output_uri.rstrip("/")
    if offers(inventory, BatchInference):
        request = bench.batch_request(200, kind="held")
        batch = bench.connect(BatchInference)
        bench.begin(ref := batch.submit(request, key=KEY))
        scoring = listed(inventory)["batch-job", ref.id]
        assert [each.machine for each in scoring.machines] == [request.machine]
        assert scoring.output_uri.rstrip("/") == request.output_uri.rstrip("/")


def test_an_endpoint_tells_its_name_and_the_machines_of_each_variant(
    bench: Bench, inventory: Inventory
) -> None:
    if not offers(inventory, Endpoints):
        pytest.skip("this provider does not serve")
    request = bench.variant_request()
    bench.settle(bench.connect(Endpoints).deploy(request, key=KEY))
    [found] = [each for each in inventory.owned() if each.kind == "endpoint"]
    assert found.endpoint == request.endpoint
    [machines] = found.machines
    assert machines.variant == request.variant
    assert (machines.machine, machines.count) == (request.machine, request.min_replicas)


def test_removing_everything_leaves_nothing_running(bench: Bench, inventory: Inventory) -> None:
    if offers(inventory, TrainingJobs):
        train(bench)
    if offers(inventory, BatchInference):
        batch = bench.connect(BatchInference)
        bench.begin(batch.submit(bench.batch_request(200, kind="held"), key=KEY))
    if not bench.running() and offers(inventory, Endpoints):
        bench.settle(bench.connect(Endpoints).deploy(bench.variant_request(), key=KEY))
    assert bench.running()
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert bench.running() == []
    assert not any(each.running for each in inventory.owned())


def test_what_was_removed_is_cancelled_and_does_not_come_back(
    bench: Bench, inventory: Inventory
) -> None:
    """Else the next look at a job would start it again, or a flow would try its next attempt."""
    if not offers(inventory, TrainingJobs):
        pytest.skip("this provider does not train")
    ref = train(bench)
    resource = listed(inventory)["training-job", ref.id]
    inventory.remove(resource)
    inventory.remove(resource)
    jobs = bench.connect(TrainingJobs)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert jobs.submit(bench.training_request(), key=KEY) == ref
    assert bench.running() == []


def test_what_does_not_listen_is_removed_with_its_children(
    bench: Bench, inventory: Inventory
) -> None:
    if not offers(inventory, TrainingJobs):
        pytest.skip("this provider does not train")
    jobs = bench.connect(TrainingJobs)
    ref = train(bench, STUBBORN)
    until(lambda: [line.text for line in jobs.logs(ref)] == ["deaf"])
    inventory.remove(listed(inventory)["training-job", ref.id])
    assert bench.running() == []


def test_the_work_of_others_is_neither_listed_nor_touched(
    bench: Bench, inventory: Inventory, other: Bench
) -> None:
    if not offers(inventory, TrainingJobs):
        pytest.skip("this provider does not train")
    theirs = train(other, STUBBORN)
    foreign = listed(other.connect(Inventory))["training-job", theirs.id]
    with ExitStack() as stack:
        # without any mark, and in none of our folders
        stranger = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], env={"PATH": os.environ["PATH"]}
        )
        stack.callback(stranger.wait)
        stack.callback(stranger.kill)
        train(bench)
        assert ("training-job", theirs.id) not in listed(inventory)
        with pytest.raises(Denied) as caught:
            inventory.remove(foreign)
        assert (caught.value.provider, caught.value.operation) == (
            inventory.provider,
            "inventory.remove",
        )
        for resource in list(inventory.owned()):
            inventory.remove(resource)
        assert bench.running() == []
        assert stranger.poll() is None
    assert other.connect(TrainingJobs).status(theirs).phase is Phase.RUNNING
    assert len(other.running()) == 1


def test_what_cannot_be_ours_is_denied(bench: Bench, inventory: Inventory) -> None:
    if not offers(inventory, TrainingJobs):
        pytest.skip("this provider does not train")
    ref = train(bench)
    mine = listed(inventory)["training-job", ref.id]
    for kind, id_ in (("database", "prod"), ("endpoint", "../../etc")):
        with pytest.raises(Denied):
            inventory.remove(mine.model_copy(update={"kind": kind, "id": id_}))
    assert bench.connect(TrainingJobs).status(ref).phase is Phase.RUNNING


def test_what_is_gone_is_removed_already(bench: Bench, inventory: Inventory) -> None:
    if not offers(inventory, TrainingJobs):
        pytest.skip("this provider does not train")
    bench.succeed(ref := train(bench))
    resource = listed(inventory)["training-job", ref.id]
    inventory.remove(resource)
    inventory.remove(resource.model_copy(update={"id": "0" * 32}))
    assert bench.connect(TrainingJobs).status(ref).phase is Phase.SUCCEEDED
