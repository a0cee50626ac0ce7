"""Models in a registry: what it refuses, who shares them, and how an endpoint deploys them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml.entities import Model
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.storage.blob import ContainerClient

from blocks import registry
from blocks.contracts import (
    Conflict,
    Denied,
    Endpoints,
    InvalidRequest,
    ModelRegistry,
    NotFound,
    Phase,
    RunKey,
    Traffic,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import code_of
from blocks.providers.azure.emulator.launch import IDENTITY, REGISTRY
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.registry.models import AzureRegistryModels
from blocks.providers.azure.registry.staging import stage
from blocks.testing.deploying import ROW

KEY = RunKey(run="run-1", step="register")
TAG = "bluewater-alias-champion"
VERSION = "2021-10-01-dataplanepreview"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("azure-registry").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def account(bench: Any) -> AzureAccount:
    found: AzureAccount = bench.account
    return found


@pytest.fixture
def models(bench: Any) -> ModelRegistry:
    found: ModelRegistry = bench.connect(ModelRegistry)
    return found


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(HttpResponseError) as caught:
        call()
    return int(caught.value.status_code or 0), code_of(caught.value)


def test_a_version_has_files_of_its_own_in_the_registry(
    bench: Any, models: ModelRegistry, account: AzureAccount
) -> None:
    draft = bench.model_draft()
    version = models.register(draft, key=KEY)
    shown = account.registry(REGISTRY).models.get(version.name, version.version)
    assert shown.id == f"azureml://registries/{REGISTRY}/models/{version.name}/versions/1"
    assert shown.type == "mlflow_model"
    assert shown.tags["bluewater-digest"] == draft.digest
    assert account.container not in str(shown.path)
    assert bench.emulator.pull("versions") == 0  # the workspace has none
    assert bench.emulator.calls("ml:TemporaryDataReferences.CreateOrUpdate")


def test_people_see_an_alias_as_a_tag_of_one_version(
    bench: Any, models: ModelRegistry, account: AzureAccount
) -> None:
    one = models.register(bench.model_draft(), key=KEY)
    two = models.register(bench.model_draft(), key=KEY)
    models.promote(one, "champion", replacing=None)
    models.promote(two, "champion", replacing=one)
    shown = account.registry(REGISTRY).models
    assert TAG not in shown.get(one.name, "1").tags
    assert shown.get(one.name, "2").tags[TAG] == "yes"


def test_another_workspace_sees_the_same_versions_and_moves_the_same_aliases(
    bench: Any, models: ModelRegistry, account: AzureAccount
) -> None:
    one = models.register(bench.model_draft(), key=KEY)
    two = models.register(bench.model_draft(), key=KEY)
    models.promote(one, "champion", replacing=None, by="here")
    elsewhere = account.model_copy(update={"workspace": "another", "prefix": "another"})
    theirs = AzureRegistryModels(account=elsewhere, registry=REGISTRY, home=account.root)
    assert theirs.resolve(one.name, "champion") == one
    theirs.promote(two, "champion", replacing=one, by="there")
    with pytest.raises(Conflict, match="there"):
        models.promote(one, "champion", replacing=None)
    assert [each.by for each in models.history(one.name, "champion")] == ["here", "there"]


def test_an_endpoint_deploys_a_version_by_its_id_in_the_registry(
    bench: Any, models: ModelRegistry, account: AzureAccount
) -> None:
    azure = bench.azure
    version = models.register(bench.model_draft(), key=KEY)
    endpoints = azure.connect(Endpoints)
    request = azure.variant_request().model_copy(update={"model": version})
    azure.settle(ref := endpoints.deploy(request, key=KEY))
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    name = endpoint_name(account, request.endpoint)
    there = account.ml().online_deployments.get(request.variant, name)
    assert there.model == f"azureml://registries/{REGISTRY}/models/{version.name}/versions/1"
    since = endpoints.traffic(request.endpoint)
    endpoints.shift(request.endpoint, Traffic(percent={request.variant: 100}), since=since)
    assert endpoints.predict(request.endpoint, ROW).status == 200
    # the container took what Azure brought: it never read the copy in the account
    calls = azure.emulator.calls("blob:GetBlob")
    read = [each["resource"] for each in calls if each["key"] == IDENTITY]
    assert read
    assert not [each for each in read if each.endswith("MLmodel")]


def test_a_registry_refuses_what_it_did_not_give_a_place_for(account: AzureAccount) -> None:
    put = account.registry(REGISTRY).models.create_or_update
    elsewhere = f"{account.endpoint}/{account.storage_account}/{account.container}/model"
    for path in (elsewhere, "azureml://datastores/workspaceblobstore/paths/model"):
        told = Model(name="flights", version="1", path=path, type="mlflow_model")
        with pytest.raises(HttpResponseError) as caught:
            put(told)
        assert code_of(caught.value) == "UserError"
    assert list(account.registry(REGISTRY).models.list("flights")) == []


def test_a_version_is_there_once_and_its_path_never_changes(
    bench: Any, models: ModelRegistry, account: AzureAccount
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
    there = account.registry(REGISTRY).models
    shown = there.get(version.name, "1")
    shown.path = f"{shown.path}-2"
    assert refusal(lambda: there.create_or_update(shown)) == (409, "UserError")
    assert refusal(lambda: there.get(version.name, "2"))[0] == 404


def test_a_place_is_given_for_the_very_version_that_is_asked_for(account: AzureAccount) -> None:
    models = account.registry(REGISTRY).models
    client = models._registry_service_client
    home = (
        f"/subscriptions/{account.subscription}/resourceGroups/{models._resource_group_name}"
        f"/providers/Microsoft.MachineLearningServices/registries/{REGISTRY}"
    )

    def asked(asset: str, **more: str) -> int:
        told = {"assetId": asset, "temporaryDataReferenceType": "TemporaryBlobReference", **more}
        url = f"{home}/tempdatarefs/flights/versions/1"
        request = HttpRequest("PUT", url, params={"api-version": VERSION}, json=told)
        return int(client.send_request(request).status_code)

    mine = f"azureml://registries/{REGISTRY}/models/flights/versions/1"
    assert asked(mine) == 200
    assert asked(mine.replace("flights", "delays")) == 400
    assert asked(mine, more="words") == 400


def test_the_files_of_two_who_want_the_same_number_are_apart(
    bench: Any, models: ModelRegistry, account: AzureAccount
) -> None:
    draft = bench.model_draft()
    version = models.register(draft, key=KEY)
    places = {
        stage(
            models._objects,  # type: ignore[attr-defined]
            version.uri,
            models=account.registry(REGISTRY).models,
            registry=REGISTRY,
            version=("delays", "1"),
            options=account.options(1),
        )
        for _ in range(2)
    }
    [place] = places
    assert place.endswith(version.uri.removesuffix("/model").rpartition("/")[2])


def test_a_registry_that_is_not_there_or_not_named_is_told(
    bench: Any, account: AzureAccount
) -> None:
    draft = bench.model_draft()
    with pytest.raises(NotFound, match="nowhere"):
        AzureRegistryModels(account=account, registry="nowhere").register(draft, key=KEY)
    with pytest.raises(InvalidRequest, match="BLUEWATER_AZURE_REGISTRY"):
        AzureRegistryModels(account=account, registry="").register(draft, key=KEY)


def test_a_registry_asks_for_rights_of_its_own(bench: Any, models: ModelRegistry) -> None:
    allowed = ["Microsoft.MachineLearningServices/workspaces/*", "Microsoft.Storage/*"]
    bench.emulator.pull("policy", key=bench.account.client_id, actions=allowed)
    with pytest.raises(Denied, match="registries"):
        models.register(bench.model_draft(), key=KEY)


def test_a_link_to_read_opens_what_was_registered(
    bench: Any, models: ModelRegistry, account: AzureAccount
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
    there = account.registry(REGISTRY).models
    path = str(there.get(version.name, "1").path)
    client = there._registry_service_client
    url = (
        f"/subscriptions/{account.subscription}/resourceGroups/{there._resource_group_name}"
        f"/providers/Microsoft.MachineLearningServices/registries/{REGISTRY}"
        f"/datarefs/{version.name}/versions/1"
    )
    asset = f"azureml://registries/{REGISTRY}/models/{version.name}/versions/1"
    asked = {"assetId": asset, "blobUri": path}
    request = HttpRequest("POST", url, params={"api-version": VERSION}, json=asked)
    reply = client.send_request(request)
    reply.raise_for_status()
    link = reply.json()["blobReferenceForConsumption"]["credential"]["sasUri"]
    with ContainerClient.from_container_url(link, **account.options(1)) as container:
        names = [each.name for each in container.list_blobs()]
    assert f"{path.rpartition('/')[2]}/MLmodel" in names
