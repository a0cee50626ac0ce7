"""The roles that are shipped are neither too small nor too large for what the blocks do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.contracts import (
    BatchInference,
    Inventory,
    ModelRegistry,
    ObjectStore,
    Phase,
    RunKey,
    TrainingJobs,
    Unavailable,
)
from blocks.providers.azure.bench import KEY
from blocks.providers.azure.emulator.launch import IDENTITY
from blocks.providers.azure.training import AzureTraining
from blocks.testing.waiting import until
from deployments.azure.role import CALLER, CALLER_DATA, JOBS_DATA

RUN = RunKey(run="run-1", step="everything")


def train(bench: Any) -> None:
    jobs = bench.connect(TrainingJobs)
    bench.keep_secret("api-key", "sesame")
    request = bench.training_request().model_copy(update={"secrets": {"API_KEY": "api-key"}})
    bench.succeed(ref := jobs.submit(request, key=RUN))
    assert list(jobs.logs(ref))
    bench.begin(second := jobs.submit(request, key=RUN.next()))
    jobs.cancel(second)
    bench.settle(second)


def train_on_a_cluster(bench: Any) -> None:
    jobs = AzureTraining(account=bench.account, cluster="cpus", cluster_nodes=1)

    def is_submitted() -> bool:
        try:
            jobs.cancel(jobs.submit(bench.training_request(), key=RUN))
        except Unavailable:
            return False  # the cluster is being made
        return True

    until(is_submitted)


def register(bench: Any) -> None:
    models = bench.connect(ModelRegistry)
    version = models.register(bench.model_draft(), key=RUN)
    models.promote(version, "champion", replacing=None)
    assert models.resolve(version.name, "champion") == version
    assert models.history(version.name, "champion")


def score(bench: Any) -> None:
    jobs, request = bench.connect(BatchInference), bench.batch_request(20)
    bench.settle(ref := jobs.submit(request, key=RUN))
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    jobs.cancel(jobs.submit(request, key=RUN.next()))


def keep(bench: Any, folder: Path) -> None:
    store = bench.connect(ObjectStore)
    (folder / "large").write_bytes(bytes(80 << 20))  # goes in parts
    store.upload(folder / "large", f"{store.root}/large")
    store.write(f"{store.root}/once", b"1", only_if_absent=True)
    assert store.read(f"{store.root}/once") == b"1"
    with store.open(f"{store.root}/large") as reader:
        assert reader.read(1) == b"\0"
    for found in store.walk(store.root):
        store.remove(found.uri)


def take_down(bench: Any) -> None:
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert not any(each.running for each in inventory.owned())


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    bench.emulator.pull("policy", key=KEY, actions=[*CALLER, *CALLER_DATA])
    bench.emulator.pull("policy", key=IDENTITY, actions=list(JOBS_DATA))
    train(bench)
    train_on_a_cluster(bench)
    register(bench)
    score(bench)
    take_down(bench)
    keep(bench, tmp_path)
    assert set(bench.emulator.pull("actions", key=KEY)) == {*CALLER, *CALLER_DATA}
    assert set(bench.emulator.pull("actions", key=IDENTITY)) == set(JOBS_DATA)


@pytest.mark.parametrize("role", ["caller", "jobs"])
def test_the_roles_are_printed_for_a_resource_group(role: str) -> None:
    asked = ["--subscription=11111111", "--group=ml"]
    printed = subprocess.run(
        [sys.executable, "-m", "deployments.azure", role, *asked],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    told = json.loads(printed)
    assert told["AssignableScopes"] == ["/subscriptions/11111111/resourceGroups/ml"]
    assert told["DataActions"]
    assert not [each for each in (*told["Actions"], *told["DataActions"]) if "*" in each]
