"""Endpoints, services and nameless processes of this machine: listed, and stopped for good."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blocks.contracts import Denied, ModelVersion, Phase, RunKey, Traffic, VariantRequest
from blocks.providers.local import processes
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.inventory import LocalInventory
from blocks.testing.bench import Bench
from blocks.testing.waiting import until

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def inventory(bench: Bench) -> LocalInventory:
    return bench.connect(LocalInventory)


def spawned(inventory: LocalInventory, resource: str, owner: str = "") -> processes.Identity:
    machine = inventory.machine
    return processes.spawn(
        SLEEPS,
        owner=owner or machine.owner,
        resource=resource,
        log=machine.folder() / "log",
    )


@pytest.mark.slow
def test_an_endpoint_is_removed_with_its_supervisor_and_stays_away(
    bench: Bench, inventory: LocalInventory
) -> None:
    """Whoever looks at the endpoint afterwards must not bring its servers back."""
    endpoints, draft = bench.connect(LocalEndpoints), bench.model_draft()
    model = ModelVersion(name="bench", version="1", uri=draft.uri, digest=draft.digest)
    request = VariantRequest(endpoint="flights", variant="blue", model=model, machine="local.small")
    ref = endpoints.deploy(request, key=RunKey(run="run-1", step="deploy"))
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED)
    endpoints.shift("flights", Traffic(percent={"blue": 100}), since=endpoints.traffic("flights"))
    resource = next(iter(inventory.owned()))
    assert (resource.kind, resource.id, resource.running) == ("endpoint", "flights", True)
    assert "blue" in resource.detail
    inventory.remove(resource)
    assert bench.running() == []
    assert endpoints.variants("flights") == []
    assert endpoints.traffic("flights").percent == {}
    assert endpoints.status(ref).phase is Phase.CANCELLED
    assert list(inventory.owned()) == []
    again = endpoints.deploy(request, key=RunKey(run="run-2", step="deploy"))
    until(lambda: endpoints.status(again).phase is Phase.SUCCEEDED)


def test_the_worker_goes_first_for_it_starts_all_the_others(inventory: LocalInventory) -> None:
    for resource in ("service/mlflow", "service/worker", "aged", "service/prefect"):
        spawned(inventory, resource)
    names = [resource.name for resource in inventory.owned()]
    assert names[0] == "worker"
    assert sorted(names) == ["aged", "mlflow", "prefect", "worker"]
    for each in list(inventory.owned()):
        inventory.remove(each)
    assert list(inventory.owned()) == []


def test_a_program_is_found_by_its_words_and_no_other_of_the_same_kind_is(
    inventory: LocalInventory,
) -> None:
    owner = inventory.machine.owner
    started = spawned(inventory, "service/prefect")
    assert processes.leader(owner, "service/prefect", SLEEPS) == started
    assert processes.leader(owner, "service/prefect", [*SLEEPS, "--port", "1"]) is None
    assert processes.leader(owner, "service/mlflow", SLEEPS) is None
    assert processes.leader("another", "service/prefect", SLEEPS) is None
    replaced = [sys.executable, "-m", "first", *SLEEPS]  # it runs the rest in its own place
    assert processes.leader(owner, "service/prefect", replaced) == started
    processes.stop(started, grace=0)


def test_services_and_processes_without_a_name_are_listed_and_stopped(
    bench: Bench, inventory: LocalInventory
) -> None:
    for resource in ("service/prefect", "service/prefect", "odd", ""):
        spawned(inventory, resource)
    found = {(each.kind, each.name): each for each in inventory.owned()}
    assert set(found) == {("service", "prefect"), ("process", "odd"), ("process", "unnamed")}
    assert all(each.running for each in found.values())
    inventory.remove(found["service", "prefect"])
    assert len(list(inventory.owned())) == 2
    for each in found.values():
        inventory.remove(each)
    assert bench.running() == []


def test_a_service_of_another_workspace_is_denied(bench: Bench, inventory: LocalInventory) -> None:
    theirs = spawned(inventory, "service/mlflow", owner="somebody-else")
    try:
        mine = spawned(inventory, "service/prefect")
        resource = next(iter(inventory.owned()))
        with pytest.raises(Denied, match="mlflow"):
            inventory.remove(resource.model_copy(update={"id": "mlflow@somebody"}))
        inventory.remove(resource)
        assert not processes.alive(mine)
        assert processes.alive(theirs)
    finally:
        processes.stop(theirs, grace=0)


def test_the_process_that_asks_is_spared(inventory: LocalInventory, tmp_path: Path) -> None:
    """A flow may remove what is ours from inside a server that is ours."""
    root = Path(__file__).parents[3]
    code = f"""
import sys
from pathlib import Path
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.inventory import LocalInventory
machine = LocalMachine(workspace=Path({str(inventory.machine.workspace)!r}))
inventory = LocalInventory(machine=machine)
for resource in list(inventory.owned()):
    inventory.remove(resource)
Path({str(tmp_path / "done")!r}).touch()
"""
    spawned(inventory, "service/other")
    processes.spawn(
        [sys.executable, "-c", code],
        owner=inventory.machine.owner,
        resource="service/asking",
        log=tmp_path / "log",
        cwd=root,
    )
    until((tmp_path / "done").exists)
    until(lambda: not any(each.running for each in inventory.owned()))
