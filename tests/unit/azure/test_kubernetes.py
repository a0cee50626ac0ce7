"""Online endpoints on an attached cluster of Kubernetes, where they are not like managed ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml.entities import (
    KubernetesCompute,
    KubernetesOnlineDeployment,
    KubernetesOnlineEndpoint,
    ManagedOnlineDeployment,
    ResourceRequirementsSettings,
    ResourceSettings,
    TargetUtilizationScaleSettings,
)
from azure.core.exceptions import HttpResponseError

from blocks import registry
from blocks.contracts import (
    Endpoints,
    InvalidRequest,
    Inventory,
    Mirror,
    Traffic,
    Unsupported,
)
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.kubernetes.attached import CLUSTER
from blocks.providers.azure.kubernetes.bench import CONFIGURED
from blocks.providers.azure.kubernetes.endpoints import AzureKubernetesEndpoints
from blocks.testing.deploying import KEY, ROW, bounded, give, sizes_under_load, up, up_to


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("azure-kubernetes").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def test_a_release_goes_from_blue_to_green_on_the_cluster_and_leaves_nothing(
    bench: Any, endpoints: Endpoints
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    up(bench, endpoints, "green", "constant")
    give(endpoints, blue=50, green=50)
    assert endpoints.predict("bench", ROW, variant="green").body["predictions"] == [0.25]
    name = endpoint_name(bench.account, "bench")
    ml = bench.account.ml()
    there = ml.online_endpoints.get(name)
    assert str(there.compute).endswith(f"/computes/{CLUSTER}")
    made = ml.online_deployments.get("green", name)
    assert (made.resources.requests.cpu, made.resources.limits.memory) == ("500m", "512Mi")
    assert made.instance_type == "defaultinstancetype"
    alone = Traffic(percent={"blue": 100}, mirror=Mirror(variant="green", percent=10))
    with pytest.raises(Unsupported, match="mirrored"):
        endpoints.shift("bench", alone, since=endpoints.traffic("bench"))
    there.traffic, there.mirror_traffic = {"blue": 100}, {"green": 10}
    with pytest.raises(HttpResponseError, match="mirror no traffic"):
        ml.online_endpoints.begin_create_or_update(there)
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert list(inventory.owned()) == []
    assert list(bench.running()) == []


def test_the_router_adds_replicas_and_takes_them_away(bench: Any, endpoints: Endpoints) -> None:
    up_to(bench, endpoints, bounded(bench))
    assert bench.emulator.calls("insights:AutoscaleSettings.CreateOrUpdate") == []
    give(endpoints, blue=100)
    sizes = sizes_under_load(endpoints, then=lambda: bench.emulator.pull("speed", speed=20))
    assert set(sizes) == {1, 2}


def test_a_deployment_that_asks_for_no_share_of_a_node_can_be_read_back(bench: Any) -> None:
    whole = {**CONFIGURED, "cpu": "", "memory": ""}
    endpoints = AzureKubernetesEndpoints(account=bench.account, **whole)
    up(bench, endpoints, "blue")  # looked at by this block alone: whoever looks first deploys
    assert [each.ready_replicas for each in endpoints.variants("bench")] == [1]


def test_what_is_of_managed_endpoints_is_refused_and_so_is_no_cluster(bench: Any) -> None:
    for change, kind in (
        ({"compute": ""}, InvalidRequest),
        ({"busy_requests": 10.0}, Unsupported),
        ({"public_access": False}, Unsupported),
    ):
        endpoints = AzureKubernetesEndpoints(account=bench.account, **{**CONFIGURED, **change})
        with pytest.raises(kind):
            endpoints.deploy(bench.variant_request(), key=KEY)
    assert bench.created("endpoints") == 0


def test_azure_refuses_what_cannot_be_on_a_cluster(bench: Any, endpoints: Endpoints) -> None:
    ml, name = bench.account.ml(), endpoint_name(bench.account, "bench")
    with pytest.raises(HttpResponseError, match="no attached cluster"):
        ml.online_endpoints.begin_create_or_update(
            KubernetesOnlineEndpoint(name=name, compute="nowhere")
        )
    with pytest.raises(HttpResponseError, match="no cluster of AKS"):
        ml.compute.begin_create_or_update(KubernetesCompute(name="odd", resource_id="/machines/1"))
    up(bench, endpoints, "blue")
    environment = ml.online_deployments.get("blue", name).environment
    told = {"name": "odd", "endpoint_name": name, "environment": environment}
    with pytest.raises(HttpResponseError, match="another kind"):
        managed = ManagedOnlineDeployment(**told, instance_type="Standard_D4s_v3", instance_count=1)
        ml.online_deployments.begin_create_or_update(managed)
    asked = ResourceRequirementsSettings(requests=ResourceSettings(cpu="half"))
    with pytest.raises(HttpResponseError, match="quantity"):
        ml.online_deployments.begin_create_or_update(
            KubernetesOnlineDeployment(**told, instance_count=1, resources=asked)
        )
    scaled = TargetUtilizationScaleSettings(
        min_instances=3, max_instances=2, polling_interval=1, target_utilization_percentage=70
    )
    with pytest.raises(HttpResponseError, match="bounds"):
        ml.online_deployments.begin_create_or_update(
            KubernetesOnlineDeployment(**told, scale_settings=scaled)
        )
