"""The roles that are shipped are neither too small nor too large for what the blocks do."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    Endpoints,
    Inventory,
    Monitor,
    MonitoringSchedule,
    ObjectStore,
    Phase,
    Traffic,
    Unavailable,
    Window,
)
from blocks.contracts import MonitoringSchedules as Watching
from blocks.providers.azure.batch_endpoints.batch import AzureBatchEndpoints
from blocks.providers.azure.batch_levers import IMAGE
from blocks.providers.azure.bench import KEY
from blocks.providers.azure.emulator.launch import IDENTITY
from blocks.providers.azure.emulator.launch import REGISTRY as SHARED
from blocks.providers.azure.inventory import BATCH_ENDPOINT
from blocks.providers.azure.registry.models import AzureRegistryModels
from blocks.providers.azure.scaling import AUTOSCALE_KIND
from blocks.providers.azure.training import AzureTraining
from blocks.testing.waiting import until
from deployments.azure.role import BATCH_ENDPOINTS, CALLER, CALLER_DATA, JOBS_DATA, REGISTRY
from tests.conformance.served import World
from tests.unit.exercises import RUN, everything


def train_on_a_cluster(bench: Any) -> None:
    jobs = AzureTraining(account=bench.account, cluster="cpus", cluster_nodes=1)

    def is_submitted() -> bool:
        try:
            jobs.cancel(jobs.submit(bench.training_request(), key=RUN))
        except Unavailable:
            return False  # the cluster is being made
        return True

    until(is_submitted)


def scale(bench: Any) -> None:
    endpoints, monitor = bench.connect(Endpoints), bench.connect(Monitor)
    request = bench.variant_request().model_copy(update={"max_replicas": 2})
    ref = endpoints.deploy(request, key=RUN)
    # looked at by the block alone: whoever looks first has it scaled
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED)
    now = datetime.now(UTC)
    window = Window(start=now - timedelta(minutes=5), end=now)
    monitor.read("azure/RequestsPerMinute", window, labels={"endpoint": request.endpoint})
    inventory = bench.connect(Inventory)
    [setting] = [each for each in inventory.owned() if each.kind == AUTOSCALE_KIND]
    inventory.remove(setting)
    endpoints.take_down(request.endpoint)


def watch(bench: Any) -> None:
    world, store, monitors = World(bench), bench.connect(ObjectStore), bench.connect(Watching)
    world.serve("threshold", "blue")
    world.give(Traffic(percent={"blue": 100}))
    rows, out = [{"x": each / 10, "n": each} for each in range(10)], io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    kept = store.write(f"{store.root}/baseline.parquet", out.getvalue())
    monitors.ensure(
        MonitoringSchedule(
            endpoint=world.name,
            baseline_uri=kept.uri,
            output_uri=f"{store.root}/monitor",
            every=timedelta(hours=1),
        )
    )
    world.ask(10)
    bench.look(world.name)
    [look] = monitors.looks(world.name, bench.looking(world.name))
    assert look.phase is Phase.SUCCEEDED
    monitors.stop(world.name)
    bench.connect(Endpoints).take_down(world.name)


def fail_to_serve(bench: Any) -> None:
    endpoints, request = bench.connect(Endpoints), bench.variant_request(kind="unloadable")
    ref = endpoints.deploy(request, key=RUN)
    # looked at by the block alone: whoever looks first asks for the log
    until(lambda: endpoints.status(ref).phase is Phase.FAILED)
    endpoints.take_down(request.endpoint)


def score_by_endpoint(bench: Any) -> None:
    jobs = AzureBatchEndpoints(account=bench.account, image=IMAGE, versions=2)
    request = bench.batch_request(20)
    for version in ("1", "2", "3"):  # the first is the default, the second makes room
        model = request.model.model_copy(update={"version": version})
        ref = jobs.submit(request.model_copy(update={"model": model}), key=RUN)
    until(lambda: jobs.status(ref).phase is Phase.SUCCEEDED)
    inventory = bench.connect(Inventory)
    [endpoint] = [each for each in inventory.owned() if each.kind == BATCH_ENDPOINT]
    inventory.remove(endpoint)


def share(bench: Any) -> None:
    models = AzureRegistryModels(account=bench.account, registry=SHARED)
    version = models.register(bench.model_draft(), key=RUN)
    models.promote(version, "champion", replacing=None)


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    allowed = [*CALLER, *BATCH_ENDPOINTS, *CALLER_DATA, *REGISTRY]
    bench.emulator.pull("policy", key=KEY, actions=allowed)
    bench.emulator.pull("policy", key=IDENTITY, actions=list(JOBS_DATA))
    with ThreadPoolExecutor() as pool:
        aside = [
            pool.submit(each, bench) for each in (train_on_a_cluster, share, score_by_endpoint)
        ]
        for each in (scale, watch, fail_to_serve):  # of the same endpoint
            each(bench)
    for done in aside:
        done.result()
    everything(bench, tmp_path, registers="ml:Models.CreateOrUpdate")
    assert set(bench.emulator.pull("actions", key=KEY)) == set(allowed)
    assert set(bench.emulator.pull("actions", key=IDENTITY)) == set(JOBS_DATA)


@pytest.mark.parametrize("role", ["caller", "jobs", "registry"])
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
    assert bool(told["DataActions"]) is (role != "registry")
    assert bool(told["Actions"]) is (role != "jobs")
    assert not [each for each in (*told["Actions"], *told["DataActions"]) if "*" in each]
