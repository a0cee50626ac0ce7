"""MLflow's own client, with nothing of Azure but an address and a token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from blocks.contracts import RunKey, TrainingJobs
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.run_files import keep_files
from blocks.testing.waiting import until

SCRIPT = """
from blocks.providers.azure.run_files import keep_files
from mlflow.tracking import MlflowClient
keep_files()
client = MlflowClient()
run = client.create_run(client.create_experiment("trained")).info.run_id
client.log_metric(run, "auc", 0.75)
client.log_text(run, "words", "notes.txt")
client.set_terminated(run)
"""


@pytest.fixture
def mlflow(account: AzureAccount, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    token = account.credential.get_token(account.scope).token
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", account.ca_file)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")  # the first waits for an import
    keep_files()
    return MlflowClient(account.tracking, registry_uri=account.tracking)


def test_a_run_is_logged_and_a_model_registered(
    mlflow: MlflowClient, account: AzureAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.tracking.startswith("https://")
    run = mlflow.create_run(mlflow.create_experiment("flights"), tags={"step": "train"})
    mlflow.log_param(run.info.run_id, "rounds", 9)
    for step, value in enumerate((0.5, 0.75)):
        mlflow.log_metric(run.info.run_id, "auc", value, step=step)
    mlflow.set_terminated(run.info.run_id)
    experiment = mlflow.get_experiment_by_name("flights")
    assert experiment is not None
    [found] = mlflow.search_runs([experiment.experiment_id], "metrics.auc > 0.7")
    assert (found.data.params, found.data.metrics) == ({"rounds": "9"}, {"auc": 0.75})
    assert [each.value for each in mlflow.get_metric_history(run.info.run_id, "auc")] == [0.5, 0.75]

    source = account.on_datastore(f"{account.root}/models/flights")
    mlflow.create_registered_model("flights")
    version = mlflow.create_model_version("flights", source, run.info.run_id)
    mlflow.set_registered_model_alias("flights", "champion", version.version)
    assert mlflow.get_model_version_by_alias("flights", "champion").source == source

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "nobody's")
    with pytest.raises(MlflowException, match="token"):
        mlflow.create_registered_model("flights-2")


def test_a_run_keeps_files_and_gives_them_back(mlflow: MlflowClient, tmp_path: Path) -> None:
    run = mlflow.create_run(mlflow.create_experiment("flights")).info
    assert run.artifact_uri.startswith("azureml://")
    mlflow.log_text(run.run_id, "words", "notes.txt")
    many = tmp_path / "many"
    for number in range(60):  # more than are told, or asked for, at once
        file = many / f"part-{number % 2}" / f"{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    mlflow.log_artifacts(run.run_id, str(many), "plots")
    found = {each.path: each.is_dir for each in mlflow.list_artifacts(run.run_id)}
    assert found == {"notes.txt": False, "plots": True}
    below = {each.path: each.is_dir for each in mlflow.list_artifacts(run.run_id, "plots")}
    assert below == {"plots/part-0": True, "plots/part-1": True}
    assert mlflow.list_artifacts(run.run_id, "notes.txt") == []
    home = Path(mlflow.download_artifacts(run.run_id, "plots", str(tmp_path)))
    assert sorted(int(each.read_text()) for each in home.rglob("*.txt")) == list(range(60))
    file = Path(mlflow.download_artifacts(run.run_id, "notes.txt", str(tmp_path)))
    assert file.read_text() == "words"
    with pytest.raises(MlflowException, match="nowhere"):
        mlflow.download_artifacts(run.run_id, "nowhere.txt", str(tmp_path))


def test_what_is_no_run_of_a_workspace_is_told(mlflow: MlflowClient) -> None:
    with pytest.raises(MlflowException, match="azureml-mlflow"):
        get_artifact_repository("azureml://eastus.api.azureml.ms/mlflow/v2.0/registries/r/models/m")


@pytest.mark.slow  # the job imports MLflow
def test_a_job_logs_to_the_workspace(bench: Any, jobs: TrainingJobs, mlflow: MlflowClient) -> None:
    request = bench.training_request(script=SCRIPT)
    ref = jobs.submit(request, key=RunKey(run="run-1", step="train"))
    until(lambda: jobs.status(ref).phase.done)
    experiment = mlflow.get_experiment_by_name("trained")
    assert experiment is not None
    [run] = mlflow.search_runs([experiment.experiment_id])
    assert run.data.metrics == {"auc": 0.75}
    assert [each.path for each in mlflow.list_artifacts(run.info.run_id)] == ["notes.txt"]
