"""What Databricks refuses, sent by its own SDK: names, machines, counts, sizes and splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.compute import AutoScale, AwsAttributes, ClusterSpec, DataSecurityMode
from databricks.sdk.service.jobs import SparkPythonTask, SubmitTask
from databricks.sdk.service.serving import (
    AiGatewayRateLimit,
    AiGatewayRateLimitRenewalPeriod,
    EndpointCoreConfigInput,
    Route,
    ServedEntityInput,
    TrafficConfig,
)

from blocks import registry

INVALID, MISSING = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"
CLUSTER: dict[str, Any] = {
    "spark_version": "17.3.x-scala2.13",
    "node_type_id": "m5.xlarge",
    "num_workers": 1,
    "data_security_mode": DataSecurityMode.SINGLE_USER,
}
ENTITY: dict[str, Any] = {
    "name": "blue",
    "entity_name": "main.bluewater.none",
    "entity_version": "1",
    "workload_size": "Small",
    "scale_to_zero_enabled": True,
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceClient]:
    kind = registry.load(registry.provider("databricks").bench)
    with kind(tmp_path_factory.mktemp("databricks")) as bench:
        yield bench.account.client()


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(DatabricksError) as caught:
        call()
    return str(caught.value.error_code)


def submit(
    client: WorkspaceClient, task: dict[str, Any], cluster: dict[str, Any], **more: Any
) -> Any:
    told = {
        "task_key": "one",
        "spark_python_task": SparkPythonTask(python_file="/Volumes/main/a/b/c.py"),
        "new_cluster": ClusterSpec(**{**CLUSTER, **cluster}),
        **task,
    }
    return client.jobs.submit(tasks=[SubmitTask(**told)], **more)


@pytest.mark.parametrize(
    "cluster",
    [
        {"node_type_id": "Standard_DS3_v2"},  # of another cloud
        {"node_type_id": "ml.m5.large"},
        {"node_type_id": "m5.tiny"},
        {"driver_node_type_id": "z9.large"},
        {"spark_version": "latest"},
        {"spark_version": "17.3"},
        {"num_workers": -1},
        {"autoscale": AutoScale(min_workers=1, max_workers=2)},  # beside num_workers
        {"num_workers": None, "autoscale": AutoScale(min_workers=3, max_workers=2)},
        {"custom_tags": {f"tag-{number}": "x" for number in range(46)}},
        {"aws_attributes": AwsAttributes(spot_bid_price_percent=0)},
        {"instance_pool_id": "none"},
    ],
    ids=",".join,
)
def test_a_cluster_that_cannot_be_is_refused(
    client: WorkspaceClient, cluster: dict[str, Any]
) -> None:
    assert refusal(lambda: submit(client, {}, cluster)) == INVALID


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ({"task_key": "no key"}, {}),
        ({"task_key": "x" * 101}, {}),
        ({"spark_python_task": SparkPythonTask(python_file="here.py")}, {}),
        ({"spark_python_task": SparkPythonTask("/x.py", parameters=["x" * 10_001])}, {}),
        ({"environment_key": "none"}, {}),  # beside a cluster
        ({}, {"run_name": "x" * 4097}),
        ({}, {"idempotency_token": "x" * 65}),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    client: WorkspaceClient, task: dict[str, Any], more: dict[str, Any]
) -> None:
    assert refusal(lambda: submit(client, task, {}, **more)) == INVALID
    assert list(client.jobs.list_runs()) == []


@pytest.mark.parametrize(
    ("entity", "code"),
    [
        ({"workload_size": "Huge"}, INVALID),
        ({"workload_size": None}, INVALID),
        ({"min_provisioned_concurrency": 4, "max_provisioned_concurrency": 4}, INVALID),
        (
            {
                "workload_size": None,
                "min_provisioned_concurrency": 3,
                "max_provisioned_concurrency": 8,
            },
            INVALID,
        ),
        (
            {
                "workload_size": None,
                "min_provisioned_concurrency": 8,
                "max_provisioned_concurrency": 4,
            },
            INVALID,
        ),
        ({"name": "a.b"}, INVALID),
        ({"name": "x" * 64}, INVALID),
        ({"entity_version": None}, INVALID),
        ({"environment_vars": {"not-a-name": "x"}}, INVALID),
        ({}, MISSING),  # all is well, and there is no such model
    ],
)
def test_what_cannot_be_served_is_refused(
    client: WorkspaceClient, entity: dict[str, Any], code: str
) -> None:
    told = ServedEntityInput(**{**ENTITY, **entity})
    config = EndpointCoreConfigInput(name="late", served_entities=[told])
    assert refusal(lambda: client.serving_endpoints.create("late", config=config)) == code
    assert list(client.serving_endpoints.list()) == []


@pytest.mark.parametrize(
    "routes",
    [
        {"blue": 60, "green": 30},
        {"blue": 101},
        {"blue": -10, "green": 110},
        {"nobody": 100},
        {},  # of two served entities
    ],
)
def test_a_split_that_is_none_is_refused(client: WorkspaceClient, routes: dict[str, int]) -> None:
    split = [Route(served_model_name=name, traffic_percentage=n) for name, n in routes.items()]
    config = EndpointCoreConfigInput(
        name="late",
        served_entities=[
            ServedEntityInput(**{**ENTITY, "name": each}) for each in ("blue", "green")
        ],
        traffic_config=TrafficConfig(routes=split),
    )
    assert refusal(lambda: client.serving_endpoints.create("late", config=config)) == INVALID


def test_each_served_entity_has_one_route(client: WorkspaceClient) -> None:
    half = Route(served_model_name="blue", traffic_percentage=50)
    config = EndpointCoreConfigInput(
        name="late",
        served_entities=[ServedEntityInput(**ENTITY)],
        traffic_config=TrafficConfig(routes=[half, half]),
    )
    assert refusal(lambda: client.serving_endpoints.create("late", config=config)) == INVALID


@pytest.mark.parametrize("names", [["a", "a"], [f"v{number}" for number in range(16)], []])
def test_served_entities_are_some_each_with_a_name_of_its_own(
    client: WorkspaceClient, names: list[str]
) -> None:
    served = [ServedEntityInput(**{**ENTITY, "name": name}) for name in names]
    config = EndpointCoreConfigInput(name="late", served_entities=served)
    assert refusal(lambda: client.serving_endpoints.create("late", config=config)) == INVALID


@pytest.mark.parametrize("name", ["two words", "a.b", "-late", "x" * 64])
def test_an_endpoint_has_a_name_as_databricks_takes_them(
    client: WorkspaceClient, name: str
) -> None:
    config = EndpointCoreConfigInput(name=name, served_entities=[ServedEntityInput(**ENTITY)])
    assert refusal(lambda: client.serving_endpoints.create(name, config=config)) == INVALID


def test_what_is_not_there_is_told_as_such(client: WorkspaceClient) -> None:
    serving, models = client.serving_endpoints, client.registered_models
    assert refusal(lambda: serving.get("none")) == MISSING
    assert refusal(lambda: serving.delete("none")) == MISSING
    assert refusal(lambda: serving.update_config("none", served_entities=[])) == MISSING
    assert refusal(lambda: models.set_alias("main.bluewater.none", "champion", 1)) == MISSING
    assert refusal(lambda: client.jobs.get_run_output(7)) == INVALID


@pytest.mark.parametrize("alias", ["latest", "v1", "two words", "x" * 256])
def test_an_alias_has_a_name_as_unity_catalog_takes_them(
    client: WorkspaceClient, alias: str
) -> None:
    assert refusal(lambda: client.registered_models.set_alias("main.a.b", alias, 1)) == INVALID


def test_limits_of_a_gateway_are_of_calls_and_not_many(client: WorkspaceClient) -> None:
    serving, minute = client.serving_endpoints, AiGatewayRateLimitRenewalPeriod.MINUTE
    serving.create("bare")
    for limits in (
        [AiGatewayRateLimit(renewal_period=minute, tokens=5)],
        [AiGatewayRateLimit(renewal_period=minute)],
        [AiGatewayRateLimit(renewal_period=minute, calls=5)] * 21,
    ):
        assert refusal(lambda told=limits: serving.put_ai_gateway("bare", rate_limits=told)) == (  # type: ignore[misc]
            INVALID
        )
    serving.delete("bare")


@pytest.mark.parametrize(
    "pool",
    [
        {"node_type_id": "n1-standard-4"},
        {"max_capacity": 0},
        {"min_idle_instances": 3, "max_capacity": 2},
    ],
)
def test_a_pool_that_cannot_be_is_refused(client: WorkspaceClient, pool: dict[str, Any]) -> None:
    told = {"instance_pool_name": "gpus", "node_type_id": "g4dn.xlarge", **pool}
    assert refusal(lambda: client.instance_pools.create(**told)) == INVALID


@pytest.mark.parametrize("node", ["g5.xlarge", "p3.2xlarge", "i3en.2xlarge", "rd-fleet.xlarge"])
def test_a_pool_of_machines_that_there_are_is_made(client: WorkspaceClient, node: str) -> None:
    made = client.instance_pools.create(f"pool-of-{node}", node)
    assert client.instance_pools.get(str(made.instance_pool_id)).node_type_id == node
