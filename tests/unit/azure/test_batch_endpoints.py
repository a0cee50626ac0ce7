"""Batch endpoints of Azure: what is made for a version, what is kept, and what goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import (
    BatchInference,
    BatchRequest,
    Inventory,
    NoCapacity,
    Phase,
    ProviderError,
    RunKey,
)
from blocks.providers.azure.batch_endpoints.batch import AzureBatchEndpoints
from blocks.providers.azure.batch_endpoints.calls import batch_endpoint_name
from blocks.providers.azure.batch_levers import IMAGE
from blocks.providers.azure.clusters import CLUSTER_KIND
from blocks.providers.azure.inventory import BATCH_ENDPOINT
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="score")
FEW = 20


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("azure-batch-endpoints").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def jobs(bench: Any) -> BatchInference:
    found: BatchInference = bench.connect(BatchInference)
    return found


def of_version(request: BatchRequest, version: str) -> BatchRequest:
    model = request.model.model_copy(update={"version": version})
    return request.model_copy(update={"model": model})


def deployments(bench: Any, request: BatchRequest) -> tuple[list[str], str]:
    """Return the deployments of the model's endpoint, and which is its default."""
    ml, name = bench.account.ml(), batch_endpoint_name(bench.account, request.model.name)
    there = [each.name for each in ml.batch_deployments.list(name)]
    return there, ml.batch_endpoints.get(name).defaults.deployment_name


def test_each_version_has_a_deployment_and_the_newest_is_the_default(
    bench: Any, jobs: BatchInference
) -> None:
    first = bench.batch_request(FEW)
    bench.settle(jobs.submit(first, key=KEY))
    [old], default = deployments(bench, first)
    assert default == old
    second = of_version(first, "2")
    bench.settle(ref := jobs.submit(second, key=KEY))
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    bench.settle(jobs.submit(first, key=KEY.next()))  # by name, whoever is the default
    until(lambda: deployments(bench, first)[1].startswith("v2-"))
    there, _ = deployments(bench, first)
    assert len(there) == 2
    assert old in there


def test_what_was_made_is_in_the_inventory_and_goes(bench: Any, jobs: BatchInference) -> None:
    request = bench.batch_request(FEW)
    bench.settle(ref := jobs.submit(request, key=KEY))
    inventory = bench.connect(Inventory)
    found = {each.kind: each for each in inventory.owned()}
    assert set(found) == {"batch-job", BATCH_ENDPOINT, CLUSTER_KIND}
    assert found["batch-job"].id == ref.id
    assert found[BATCH_ENDPOINT].name == request.model.name
    for each in found.values():
        inventory.remove(each)
    until(lambda: {each.kind for each in inventory.owned()} == {"batch-job"})
    assert jobs.submit(request, key=KEY) == ref  # it was done, and needs no endpoint again
    assert {each.kind for each in inventory.owned()} == {"batch-job"}


def test_a_deployment_that_cannot_be_made_is_told_with_its_code(
    bench: Any, jobs: BatchInference
) -> None:
    bench.emulator.fault("image-build-failure")
    with pytest.raises(ProviderError) as caught:
        jobs.submit(bench.batch_request(FEW), key=KEY)
    assert caught.value.code == "ImageBuildFailure"
    assert not isinstance(caught.value, NoCapacity)
    bench.settle(ref := jobs.submit(bench.batch_request(FEW), key=KEY))  # made anew
    assert jobs.status(ref).phase is Phase.SUCCEEDED


def test_the_oldest_version_makes_room(bench: Any) -> None:
    jobs = AzureBatchEndpoints(account=bench.account, image=IMAGE, versions=2)
    request = bench.batch_request(FEW)
    for version in ("1", "2", "3", "4"):
        bench.settle(jobs.submit(of_version(request, version), key=KEY))
    there, _ = deployments(bench, request)
    assert {name.partition("-")[0] for name in there} == {"v3", "v4"}
