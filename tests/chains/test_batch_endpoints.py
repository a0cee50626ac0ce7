"""The batch flow on Azure's batch endpoints: with faults, killed, and under the shipped role."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from blocks.contracts import Inventory, ModelDraft, ModelRegistry, ObjectStore, RunKey
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch_levers import MACHINE
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.rehearsal import AzureRehearsal
from blocks.registry import connect
from blocks.testing.uploads import Uploads
from blocks.testing.waiting import until
from deployments.azure.role import Place, caller_role
from tests.chains.command import run_json, start

ROWS = 400
ROLE = caller_role(Place(subscription="11111111", group="ml"), batch_endpoints=True)
MAKES = (
    "ml:Compute.CreateOrUpdate",
    "ml:BatchEndpoints.CreateOrUpdate",
    "ml:BatchDeployments.CreateOrUpdate",
)
INVOKES = "ml:BatchEndpoints.Invoke"
PLATFORM = {
    "name": "batch endpoints",
    "models": "azure-models",
    "store": "azure-store",
    "batch": "azure-batch-endpoints-batch",
    "inventory": "azure-inventory",
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureRehearsal]:
    role = tmp_path / "role.json"
    role.write_text(json.dumps(ROLE))
    with AzureRehearsal(tmp_path / "azure", permissions=role) as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_data_set_is_scored_once_whatever_fails_and_whoever_dies(
    tmp_path: Path, workspace: Path, prefect_api: str, world: AzureRehearsal
) -> None:
    account = AzureAccount()
    uploads = Uploads(Objects(account), account.root, tmp_path / "made")
    request = uploads.batch_request(ROWS, "held", machine=MACHINE)
    model, models = request.model, connect("azure-models", ModelRegistry)
    draft = ModelDraft(name=model.name, uri=model.uri, digest=model.digest)
    version = models.register(draft, key=RunKey(run="run-1", step="register"))
    models.promote(version, "champion", replacing=None)
    platform = tmp_path / "platform.yaml"
    platform.write_text(yaml.safe_dump(PLATFORM))
    words = (
        *("batch", model.name, "--data", request.data_uri, "--output", request.output_uri),
        *("--machine", MACHINE, "--platform", str(platform)),
    )

    for call in MAKES:
        world.emulator.fault("lost-reply", call=call)
    world.emulator.fault("internal-error-after", call=INVOKES)
    world.emulator.fault("throttling", call="ml:BatchDeployments.Get", times=2)
    world.emulator.fault("stale-read", call="ml:Jobs.Get", times=2)
    dying = start(*words, workspace=workspace, api=prefect_api, **os.environ)
    try:
        until(lambda: scoring(world) or dying.poll() is not None)
        assert dying.poll() is None, dying.communicate()[1][-3000:]
    finally:
        dying.kill()
        dying.communicate()
    assert world.emulator.pull("faults") == []

    uploads.let_go()
    [told] = run_json(*words, workspace=workspace, api=prefect_api, within=600)
    assert told["rows"] == ROWS
    assert predictions(request.output_uri) == ROWS
    assert len(world.emulator.calls(INVOKES)) == 1

    inventory = connect("azure-inventory", Inventory)
    for each in list(inventory.owned()):
        inventory.remove(each)
    until(lambda: not [each for each in inventory.owned() if each.running])
    assert {each.kind for each in inventory.owned()} == {"batch-job"}
    assert world.left() == []


def scoring(world: AzureRehearsal) -> bool:
    """Whether a job has a machine."""
    return bool(world.emulator.running())


def predictions(output: str) -> int:
    """Return how many rows have a prediction."""
    store = connect("azure-store", ObjectStore)
    files = [each.uri for each in store.walk(output) if each.uri.endswith(".parquet")]
    return sum(len(pd.read_parquet(io.BytesIO(store.read(each)))["prediction"]) for each in files)
