"""Endpoints as people write them for Azure's command line, applied by the SDK alone."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, load_online_deployment, load_online_endpoint
from azure.ai.ml.entities import Model
from azure.core.exceptions import HttpResponseError

from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import CONTAINER, DATASTORE, STORAGE
from blocks.providers.azure.invoking import own_headers
from blocks.providers.azure.objects import Objects

HERE = Path(__file__).parent / "online"
NAME = "late-flights"


@pytest.fixture
def ml(account: AzureAccount, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    # by signed links it goes on its own ways, which know of no option of the client's
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", account.ca_file)
    return account.ml()


def asked(ml: MLClient, folder: Path, times: int, **past: str) -> Counter[float]:
    rows = folder / "rows.json"
    rows.write_text(json.dumps({"data": [1, 2]}))
    with own_headers():
        answers = [
            ml.online_endpoints.invoke(endpoint_name=NAME, request_file=str(rows), **past)
            for _ in range(times)
        ]
    return Counter(json.loads(each)[1] for each in answers)


def apply(ml: MLClient, account: AzureAccount, *names: str) -> None:
    """Register a model for each deployment, and deploy it."""
    root = f"abfss://{CONTAINER}@{STORAGE}.dfs.core.windows.net"
    for number, name in enumerate(names, start=1):
        Objects(account).write(f"{root}/models/{name}/factor.txt", str(number).encode())
        path = f"azureml://datastores/{DATASTORE}/paths/models/{name}"
        ml.models.create_or_update(Model(name=NAME, version=str(number), path=path))
        deployment = load_online_deployment(HERE / f"{name}.yml")
        ml.online_deployments.begin_create_or_update(deployment).result()


def test_an_endpoint_with_two_deployments_is_released_as_the_examples_do(
    ml: MLClient, account: AzureAccount, tmp_path: Path
) -> None:
    endpoint = load_online_endpoint(HERE / "endpoint.yml")
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    apply(ml, account, "blue", "green")

    endpoint.traffic = {"blue": 100}
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert asked(ml, tmp_path, 5) == {2.0: 5}

    endpoint.mirror_traffic = {"green": 10}
    told = ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert told.mirror_traffic == {"green": 10}

    endpoint.traffic, endpoint.mirror_traffic = {"blue": 50, "green": 50}, {}
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert set(asked(ml, tmp_path, 40)) == {2.0, 4.0}

    endpoint.traffic = {"green": 100}
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert asked(ml, tmp_path, 3) == {4.0: 3}
    # from here on the SDK asks that one always: it writes the header into a constant of its own
    assert asked(ml, tmp_path, 1, deployment_name="blue") == {2.0: 1}
    ml.online_deployments.begin_delete(name="blue", endpoint_name=NAME).result()
    assert [each.name for each in ml.online_deployments.list(NAME)] == ["green"]
    ml.online_endpoints.begin_delete(name=NAME).result()
    assert list(ml.online_endpoints.list()) == []


REFUSED: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "no whole": ({"blue": 60}, {}),
    "nobody": ({"nobody": 100}, {}),
    "too much": ({"blue": 100}, {"green": 51}),
    "itself": ({"blue": 100}, {"blue": 10}),
    "live": ({"blue": 90, "green": 10}, {"green": 10}),
}


def test_traffic_that_azure_would_not_take_is_refused(ml: MLClient, account: AzureAccount) -> None:
    endpoint = load_online_endpoint(HERE / "endpoint.yml")
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    apply(ml, account, "blue", "green")
    for case, (endpoint.traffic, endpoint.mirror_traffic) in REFUSED.items():
        with pytest.raises(HttpResponseError) as caught:
            ml.online_endpoints.begin_create_or_update(endpoint)
        assert caught.value.error is not None
        assert caught.value.error.code == "BadRequest", case
    endpoint.traffic, endpoint.mirror_traffic = {"blue": 100}, {"green": 10}
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    for name in ("blue", "green"):  # who has live requests, and who has copies
        with pytest.raises(HttpResponseError, match="has traffic"):
            ml.online_deployments.begin_delete(name=name, endpoint_name=NAME)
