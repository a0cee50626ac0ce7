"""Online endpoints on an attached cluster of Kubernetes, where they are not like managed ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
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
    Phase,
    Serving,
    Traffic,
    Unsupported,
)
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.kubernetes.attached import CLUSTER
from blocks.providers.azure.kubernetes.bench import CONFIGURED
from blocks.providers.azure.kubernetes.endpoints import AzureKubernetesEndpoints
from blocks.testing.deploying import KEY, give, up
from blocks.testing.waiting import until

ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


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
    serving = Serving(concurrency=1, timeout=timedelta(seconds=60))
    request = bench.variant_request(kind="slow").model_copy(
        update={"max_replicas": 2, "serving": serving}
    )
    bench.settle(ref := endpoints.deploy(request, key=KEY))
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    assert bench.emulator.calls("insights:AutoscaleSettings.CreateOrUpdate") == []
    give(endpoints, blue=100)
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            endpoints.predict("bench", ROW)

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for each in callers:
        each.start()
    try:
        until(lambda: endpoints.variants("bench")[0].ready_replicas == 2)
    finally:
        enough.set()
        for each in callers:
            each.join()
    bench.emulator.pull("speed", speed=20)
    until(lambda: endpoints.variants("bench")[0].ready_replicas == 1)


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
