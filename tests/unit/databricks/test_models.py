"""Models in Unity Catalog: as MLflow's own client sees them, and when something fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.store._unity_catalog.registry import rest_store

from blocks.contracts import InvalidRequest, ModelRegistry, RunKey, Unavailable
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.emulator.mlflow_unity import FIELDS, PREFIX
from blocks.providers.databricks.model_calls import full_name
from blocks.testing.models import make_model

KEY = RunKey(run="run-1", step="register")


@pytest.fixture
def models(bench: Any) -> ModelRegistry:
    found: ModelRegistry = bench.connect(ModelRegistry)
    return found


@pytest.fixture
def client(
    account: DatabricksWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MlflowClient]:
    """Return MLflow's own client, for which the workspace is like any other."""
    monkeypatch.chdir(tmp_path)  # where MLflow makes the data base that nobody asked for
    monkeypatch.setenv("DATABRICKS_HOST", account.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-of-a-person")
    monkeypatch.setenv("MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC", "true")
    before = mlflow.get_registry_uri()
    mlflow.set_registry_uri("databricks-uc")
    yield MlflowClient()
    mlflow.set_registry_uri(before)


def test_mlflow_finds_what_was_registered_by_the_alias_that_it_was_promoted_to(
    bench: Any, models: ModelRegistry, account: DatabricksWorkspace, client: MlflowClient
) -> None:
    one = models.register(bench.model_draft(), key=KEY)
    two = models.register(bench.model_draft(kind="constant"), key=KEY)
    name, rows = full_name(account, "bench"), pd.DataFrame({"x": [0.2, 0.7], "n": [1, 2]})
    models.promote(one, "champion", replacing=None)
    assert list(mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(rows)) == [0.0, 1.0]
    models.promote(two, "champion", replacing=one)
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    assert list(mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(rows)) == [0.25] * 2
    found = client.get_model_version(name, "2")
    assert two.digest in str(found.description)
    assert found.tags["bluewater-digest"] == two.digest


def test_mlflow_registers_aliases_and_loads_a_model_of_its_own(
    account: DatabricksWorkspace, client: MlflowClient, tmp_path: Path
) -> None:
    make_model(tmp_path / "model", kind="threshold")
    name = full_name(account, "theirs")
    client.create_registered_model(name, description="made by hand")
    version = client.create_model_version(name, source=str(tmp_path / "model")).version
    client.set_registered_model_alias(name, "champion", version)
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert list(loaded.predict(pd.DataFrame({"x": [0.9], "n": [1]}))) == [1.0]
    assert client.get_registered_model(name).aliases == {"champion": version}
    assert [each.version for each in client.search_model_versions(f"name='{name}'")] == [version]


def test_what_mlflow_registered_alone_is_no_version_of_ours(
    models: ModelRegistry, account: DatabricksWorkspace, client: MlflowClient, tmp_path: Path
) -> None:
    make_model(tmp_path / "model", kind="threshold")
    name = full_name(account, "theirs")
    client.create_registered_model(name)
    client.create_model_version(name, source=str(tmp_path / "model"))
    assert models.find("theirs", "1") is None


def test_runs_are_tracked_by_mlflow_itself_and_their_files_lie_in_a_volume(
    client: MlflowClient, account: DatabricksWorkspace
) -> None:
    tracked = MlflowClient(tracking_uri="databricks")
    experiment = tracked.create_experiment("/Users/somebody@example.com/flights")
    run = tracked.create_run(experiment).info.run_id
    tracked.log_metric(run, "auc", 0.9)
    tracked.log_text(run, "said", "words/note.txt")
    found = tracked.search_runs([experiment], "metrics.auc > 0.8")
    assert [each.info.run_id for each in found] == [run]
    kept = found[0].info.artifact_uri.removeprefix("dbfs:")
    told = account.client().files.download(f"{kept}/words/note.txt").contents
    assert told is not None
    assert told.read() == b"said"


def test_the_emulator_knows_what_mlflow_may_say() -> None:
    """Its table of fields is MLflow's own messages, no more and no less."""
    calls = rest_store._METHOD_TO_INFO
    known: dict[str, set[str]] = {}
    for message, (path, _) in calls.items():
        fields = {each.name for each in message.DESCRIPTOR.fields}
        known.setdefault(path.removeprefix(f"{PREFIX}/"), set()).update(fields)
    for path, fields_ in FIELDS.items():
        assert {each.lstrip("!") for each in fields_} == known[path], path


def test_a_version_whose_files_did_not_get_there_is_filled_by_who_asks_again(
    bench: Any, models: ModelRegistry, emulator: Workspace, account: DatabricksWorkspace
) -> None:
    draft = bench.model_draft()
    emulator.fault("unavailable", call="mlflow-uc:model-versions.finalize")
    with pytest.raises(Unavailable):
        models.register(draft, key=KEY)
    assert models.register(draft, key=KEY).version == "1"
    there = account.client().model_versions.get(full_name(account, "bench"), 1)
    assert there.status is not None
    assert there.status.value == "READY"
    assert bench.created("models") == 1


@pytest.mark.parametrize("name", ["Late", "a.b", "a/b"])
def test_a_name_that_unity_catalog_would_not_keep_as_it_is_is_refused(
    bench: Any, models: ModelRegistry, name: str
) -> None:
    draft = bench.model_draft().model_copy(update={"name": name})
    with pytest.raises(InvalidRequest, match=name):
        models.register(draft, key=KEY)
    assert bench.created("models") == 0
