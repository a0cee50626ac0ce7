"""Batch endpoints as people write them for Azure's command line, applied by the SDK alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import Input, MLClient, load_batch_endpoint
from azure.ai.ml.entities import AmlCompute, Model
from azure.ai.ml.entities._load_functions import load_model_batch_deployment
from azure.core.exceptions import HttpResponseError

from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import CONTAINER, DATASTORE, STORAGE
from blocks.providers.azure.invoking import own_headers
from blocks.providers.azure.objects import Objects
from blocks.testing.waiting import until

HERE = Path(__file__).parent / "batch"
NAME = "late-flights-batch"
ROOT = f"abfss://{CONTAINER}@{STORAGE}.dfs.core.windows.net"
PATHS = f"azureml://datastores/{DATASTORE}/paths"


@pytest.fixture
def ml(account: AzureAccount, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    # by signed links it goes on its own ways, which know of no option of the client's
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", account.ca_file)
    ml = account.ml()
    for name, tier in (("cpus", "dedicated"), ("cheap", "low_priority")):
        cluster = AmlCompute(name=name, size="Standard_D4s_v3", tier=tier, max_instances=1)
        ml.compute.begin_create_or_update(cluster).result()
    Objects(account).write(f"{ROOT}/models/factor/factor.txt", b"2")
    path = f"{PATHS}/models/factor"
    ml.models.create_or_update(Model(name="late-flights", version="1", path=path))
    return ml


def apply(ml: MLClient, *names: str) -> None:
    ml.batch_endpoints.begin_create_or_update(load_batch_endpoint(HERE / "endpoint.yml")).result()
    for name in names:
        deployment = load_model_batch_deployment(HERE / f"{name}.yml")
        ml.batch_deployments.begin_create_or_update(deployment).result()


def scored(ml: MLClient, account: AzureAccount, **said: Any) -> tuple[str, dict[str, str]]:
    """Invoke, wait, and return the job's state and what is in its output."""
    data = Input(type="uri_folder", path=f"{PATHS}/data/")
    with own_headers():
        job = ml.batch_endpoints.invoke(endpoint_name=NAME, inputs={"data": data}, **said)
    ended = {"Completed", "Failed", "Canceled"}
    until(lambda: ml.jobs.get(job.name).status in ended)
    home, objects = f"{ROOT}/azureml/{job.name}/score", Objects(account)
    found = {each.name: objects.read(each.uri) for each in objects.below(home)}
    return ml.jobs.get(job.name).status, {
        name: content[0].decode() for name, content in found.items() if content
    }


def test_an_endpoint_with_two_deployments_scores_as_the_examples_do(
    ml: MLClient, account: AzureAccount
) -> None:
    apply(ml, "rows", "files")
    for number in range(3):
        Objects(account).write(f"{ROOT}/data/{number}.txt", str(number).encode())

    endpoint = ml.batch_endpoints.get(NAME)
    endpoint.defaults = {"deployment_name": "rows"}
    ml.batch_endpoints.begin_create_or_update(endpoint).result()
    status, found = scored(ml, account)
    assert status == "Completed"
    assert found.pop("predictions.csv").splitlines() == ["0.txt 0.0", "1.txt 2.0", "2.txt 4.0"]
    assert found == {"0.scored": "0.0", "1.scored": "2.0", "2.scored": "4.0"}

    status, found = scored(ml, account, deployment_name="files", job_name="by-name")
    assert (status, set(found)) == ("Completed", {"0.scored", "1.scored", "2.scored"})
    job = ml.jobs.get("by-name")
    assert job.type == "pipeline"
    [step] = ml.jobs.list(parent_job_name="by-name")
    assert (step.name, step.status) == ("by-name-batchscoring", "Completed")

    Objects(account).write(f"{ROOT}/data/1.txt", b"no number")
    assert scored(ml, account, deployment_name="rows")[0] == "Completed"  # one mini-batch may fail
    assert scored(ml, account, deployment_name="files")[0] == "Failed"  # and here none

    with pytest.raises(HttpResponseError, match="default"):
        ml.batch_deployments.begin_delete("rows", NAME)
    ml.batch_deployments.begin_delete("files", NAME).result()
    ml.batch_endpoints.begin_delete(NAME).result()
    assert list(ml.batch_endpoints.list()) == []


def test_what_azure_would_not_take_is_refused(ml: MLClient, account: AzureAccount) -> None:
    apply(ml, "rows")
    with pytest.raises(HttpResponseError, match="no deployment"):
        scored(ml, account)  # there is no default
    for change, said in (
        ({"compute": "nobody"}, "nobody"),
        ({"mini_batch_size": 0}, "miniBatchSize"),
        ({"error_threshold": -2}, "errorThreshold"),
        ({"instance_count": 2}, "nodes"),
    ):
        deployment = load_model_batch_deployment(HERE / "files.yml")
        for name, value in change.items():
            setattr(deployment, name, value)
        with pytest.raises(HttpResponseError, match=said):
            ml.batch_deployments.begin_create_or_update(deployment)
    scored(ml, account, deployment_name="rows", job_name="once")
    with pytest.raises(HttpResponseError, match="already exists"):
        scored(ml, account, deployment_name="rows", job_name="once")
