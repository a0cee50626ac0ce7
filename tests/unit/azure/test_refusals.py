"""What Azure refuses, sent by its own SDK: names, sizes, counts, splits, and changes that clash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AmlCompute,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core.exceptions import HttpResponseError

from blocks import registry
from blocks.providers.azure.answers import code_of
from blocks.providers.azure.training_calls import Options, to_command

NAME, SIZE = "refusals", "Standard_D4s_v3"
PATH = "azureml://datastores/workspaceblobstore/paths/model"
OPTIONS = Options(image="", cluster="", experiment="bluewater")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    kind = registry.load(registry.provider("azure").bench)
    with kind(tmp_path_factory.mktemp("azure")) as bench:
        endpoint = ManagedOnlineEndpoint(name=NAME, auth_mode="key")
        bench.account.ml().online_endpoints.begin_create_or_update(endpoint).result()
        yield bench


@pytest.fixture
def ml(world: Any) -> MLClient:
    found: MLClient = world.account.ml()
    return found


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(HttpResponseError) as caught:
        call()
    return code_of(caught.value)


def deployment(name: str = "blue", **changes: Any) -> ManagedOnlineDeployment:
    told = {"instance_type": SIZE, "instance_count": 1, "environment": Environment(image="x:1")}
    return ManagedOnlineDeployment(name=name, endpoint_name=NAME, **{**told, **changes})


@pytest.mark.parametrize(
    "wrong",
    [
        {"instance_type": "Standard_D5s_v3"},
        {"instance_type": "ml.m5.large"},
        {"instance_count": 0},
        {"instance_count": -1},
        {"request_settings": OnlineRequestSettings(request_timeout_ms=180_001)},
        {"request_settings": OnlineRequestSettings(max_concurrent_requests_per_instance=-1)},
        {"liveness_probe": ProbeSettings(failure_threshold=0)},
        {"readiness_probe": ProbeSettings(success_threshold=0)},
    ],
)
def test_a_deployment_that_cannot_be_is_refused(ml: MLClient, wrong: dict[str, Any]) -> None:
    put = ml.online_deployments.begin_create_or_update
    assert refusal(lambda: put(deployment(**wrong))) == "BadArgument"
    assert list(ml.online_deployments.list(NAME)) == []


@pytest.mark.parametrize("name", ["a", "7up", "-a-b", "ends-", "a_b", "x" * 33])
def test_an_endpoint_has_a_name_as_azure_takes_them(world: Any, ml: MLClient, name: str) -> None:
    put = (
        ml.online_endpoints._online_operation.begin_create_or_update
    )  # the SDK looks at names, too
    group, workspace = world.account.resource_group, world.account.workspace
    body = {"location": "eastus", "properties": {"authMode": "Key"}}
    assert refusal(lambda: put(group, workspace, name, body)) == "BadArgument"


@pytest.mark.parametrize("split", [{"blue": 101}, {"blue": -10, "green": 110}, {"nobody": 100}])
def test_a_split_that_is_none_is_refused(ml: MLClient, split: dict[str, int]) -> None:
    told = ManagedOnlineEndpoint(name=NAME, auth_mode="key", traffic=split)
    assert refusal(lambda: ml.online_endpoints.begin_create_or_update(told)) == "BadRequest"


def test_how_callers_sign_in_is_said_once_for_all(ml: MLClient) -> None:
    told = ManagedOnlineEndpoint(name=NAME, auth_mode="aml_token")
    assert refusal(lambda: ml.online_endpoints.begin_create_or_update(told)) == "BadRequest"


def test_one_change_of_an_endpoint_at_a_time(world: Any, ml: MLClient) -> None:
    world.emulator.fault("stuck-updating", call="ml:OnlineEndpoints.CreateOrUpdate")
    busy = ManagedOnlineEndpoint(name="busy-endpoint", auth_mode="key")
    ml.online_endpoints.begin_create_or_update(busy)
    put, delete = ml.online_endpoints.begin_create_or_update, ml.online_endpoints.begin_delete
    assert refusal(lambda: put(busy)) == "Conflict"
    assert refusal(lambda: delete(busy.name)) == "Conflict"
    told = deployment()
    told.endpoint_name = busy.name
    assert refusal(lambda: ml.online_deployments.begin_create_or_update(told)) == "Conflict"
    world.emulator.advance(3600)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "no name"}, "ValidationError"),
        ({"name": "x" * 256}, "ValidationError"),
        ({"instance_type": "Standard_Z9"}, "ValidationError"),
        ({"instance_count": 2}, "ValidationError"),  # and says nothing of a distribution
        ({"compute": "nowhere"}, "UserError"),
        ({"uri": "azureml://datastores/elsewhere/paths/x"}, "ValidationError"),
        ({"uri": "https://example.com/x"}, "ValidationError"),
    ],
)
def test_a_job_that_cannot_be_is_refused(
    world: Any, ml: MLClient, change: dict[str, Any], code: str
) -> None:
    job = to_command(world.training_request(), "0" * 32, account=world.account, options=OPTIONS)
    for name, value in change.items():
        if name == "uri":
            job.outputs["output"].path = value
        else:
            setattr(job.resources if name.startswith("instance") else job, name, value)
    assert refusal(lambda: ml.jobs.create_or_update(job)) == code
    assert list(ml.jobs.list()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "7-cpus"}, "InvalidResourceName"),
        ({"name": "a"}, "InvalidResourceName"),
        ({"size": "Standard_Z9"}, "InvalidVmSize"),
        ({"min_instances": 3, "max_instances": 2}, "BadArgument"),
        ({"max_instances": 0}, "BadArgument"),
        ({"enable_node_public_ip": False}, "BadArgument"),  # and is in no network
    ],
)
def test_a_cluster_that_cannot_be_is_refused(
    ml: MLClient, change: dict[str, Any], code: str
) -> None:
    cluster = AmlCompute(**{"name": "cpus", "size": SIZE, "max_instances": 2, **change})
    assert refusal(lambda: ml.compute.begin_create_or_update(cluster)) == code
    assert list(ml.compute.list()) == []


@pytest.mark.parametrize(
    ("name", "version"), [("no name", "1"), ("-model", "1"), ("model", "one two"), ("x" * 256, "1")]
)
def test_a_model_has_a_name_as_azure_takes_them(ml: MLClient, name: str, version: str) -> None:
    model = Model(name=name, version=version, path=PATH)
    assert refusal(lambda: ml.models.create_or_update(model))


@pytest.mark.parametrize(
    "size",
    [
        "Standard_DS3_v2",
        "Standard_E8ds_v5",
        "Standard_D4as_v4",
        "Standard_F8s_v2",
        "Standard_NC6s_v3",
        "Standard_NC4as_T4_v3",
        "Standard_NC24ads_A100_v4",
        "Standard_ND96isr_H100_v5",
        "STANDARD_D4S_V3",  # Azure does not mind upper and lower case
    ],
)
def test_a_cluster_of_a_size_that_there_is_is_made(ml: MLClient, size: str) -> None:
    ml.compute.begin_create_or_update(AmlCompute(name="sized", size=size, max_instances=1)).result()
    ml.compute.begin_delete("sized").result()
