"""Cloud Run: what is asked of whom, what a caller needs, and what is refused before any call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud.run_v2.types import RevisionTemplate

from blocks import registry
from blocks.contracts import (
    Denied,
    Endpoints,
    InvalidRequest,
    Inventory,
    ModelVersion,
    Monitor,
    RunKey,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
    Window,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.bench import TOKEN
from blocks.providers.gcp.emulator.launch import CONTAINERS
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.run_rules import require_template
from blocks.providers.gcp.run.calls import to_template
from blocks.providers.gcp.run.cost import CloudRunPrices
from blocks.providers.gcp.run.endpoints import CloudRunEndpoints
from blocks.providers.gcp.run.kept import KeptVariant, service_id
from deployments.gcp.roles import JOBS, RUN_CALLER

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
ASKED = VariantRequest(
    endpoint="flights",
    variant="v1",
    model=ModelVersion(name="m", version="1", uri="gs://bucket/m/1", digest="0" * 64),
    machine="run-1-2048",
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("gcp-run").bench)(tmp_path) as bench:
        yield bench


def test_the_role_is_enough_though_replies_are_lost_and_changes_meet(bench: Any) -> None:
    bench.emulator.pull("policy", key=TOKEN, actions=list(RUN_CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(JOBS))
    bench.emulator.fault("lost-reply", call="run:CreateService")
    bench.emulator.fault("conflict", call="run:UpdateService", times=2)
    endpoints = bench.connect(Endpoints)
    for variant in ("blue", "green"):
        bench.settle(endpoints.deploy(bench.variant_request(variant=variant), key=KEY))
    assert bench.created("endpoints") == 2
    moves = {"lost-reply": {"blue": 100}, "internal-error-after": {"green": 100}}
    for fault, percent in moves.items():  # a move that was made is known for our own
        bench.emulator.fault(fault, call="run:UpdateService")
        endpoints.shift("bench", Traffic(percent=percent), since=endpoints.traffic("bench"))
        assert endpoints.predict("bench", ROW).status == 200
    now = datetime.now(UTC)
    window = Window(start=now - timedelta(minutes=1), end=now)
    monitor = bench.connect(Monitor)
    monitor.ticks("bench", window)
    monitor.read("gcp/request_count", window, labels={"endpoint": "bench", "variant": "blue"})
    endpoints.retire("bench", "blue")
    bench.emulator.pull("policy", key="ya29.of-a-stranger", actions=[])
    stranger = CloudRunEndpoints(
        account=bench.levers_account, image="none", id_token="ya29.of-a-stranger"
    )
    assert stranger.predict("bench", ROW).status == 403
    nobody = CloudRunEndpoints(account=bench.levers_account, image="none", id_token=None)
    with pytest.raises(Denied, match="identity token"):
        nobody.predict("bench", ROW)
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert list(inventory.owned()) == []
    assert set(bench.emulator.pull("actions", key=TOKEN)) == set(RUN_CALLER)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"machine": "n1-standard-4"}, InvalidRequest, "MACHINE"),
        ({"endpoint": "flights-"}, InvalidRequest, "NAME"),
        ({"serving": Serving(token_secret="word")}, Unsupported, "TOKEN"),
        ({"serving": Serving(timeout=timedelta(hours=1))}, InvalidRequest, "TIMEOUT"),
        ({"model": ASKED.model.model_copy(update={"uri": "s3://b/m"})}, InvalidRequest, "MODEL"),
    ],
)
def test_what_cloud_run_would_never_serve_is_refused(
    change: dict[str, Any], error: type[Exception], code: str
) -> None:
    endpoints = CloudRunEndpoints(account=GcpAccount(project="p", bucket="b"), image="none")
    with pytest.raises(error) as caught:
        endpoints.deploy(ASKED.model_copy(update=change), key=KEY)
    assert getattr(caught.value, "code", "") == code


def test_an_accelerator_is_a_limit_and_a_kind_of_node() -> None:
    request = ASKED.model_copy(update={"machine": "run-4-16384-nvidia-l4", "min_replicas": 0})
    variant = KeptVariant(request=request, token="0" * 64)
    account = GcpAccount(project="p", bucket="b")
    settings: dict[str, Any] = {"image": "server", "most": 3, "capture_every": 30.0}
    template = RevisionTemplate(to_template(variant, "bw-1-flights", account=account, **settings))
    [container] = template.containers
    limits = {"cpu": "4", "memory": "16384Mi", "nvidia.com/gpu": "1"}
    assert dict(container.resources.limits) == limits
    assert not container.resources.cpu_idle
    require_template(template)
    assert template.node_selector.accelerator == "nvidia-l4"
    assert template.scaling.max_instance_count == 3
    assert template.revision == "bw-1-flights-000000000000"


def revision(limits: dict[str, str], accelerator: str = "", **more: Any) -> RevisionTemplate:
    container = {"image": "server", "resources": {"limits": limits}}
    return RevisionTemplate(
        containers=[container], node_selector={"accelerator": accelerator}, **more
    )


@pytest.mark.parametrize(
    "template",
    [
        revision({"cpu": "3", "memory": "2Gi"}),
        revision({"cpu": "1", "memory": "8Gi"}),
        revision({"cpu": "8", "memory": "1Gi"}),
        revision({"cpu": "1", "memory": "plenty"}),
        revision({"cpu": "1", "disk": "1Gi"}),
        revision({"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}),
        revision({"cpu": "4", "memory": "16Gi"}, "nvidia-l4"),
        revision({"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "2"}, "nvidia-l4"),
        revision({"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": "1"}, "nvidia-l4"),
        revision({"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}, "nvidia-unheard-of"),
        revision({"cpu": "1"}, scaling={"min_instance_count": 3, "max_instance_count": 2}),
        revision({"cpu": "1"}, timeout=timedelta(hours=2)),
        revision({"cpu": "1"}, max_instance_request_concurrency=1001),
        revision({"cpu": "1"}, service_account="me@example.com"),
    ],
)
def test_the_emulator_takes_no_revision_that_cloud_run_would_not(
    template: RevisionTemplate,
) -> None:
    with pytest.raises(GcpError):
        require_template(template)


def test_names_fit_and_are_those_of_one_owner_alone() -> None:
    """A tag, which has thirteen letters, and a service have 46 together."""
    ours, theirs = (GcpAccount(project="p", bucket="b", owner=name) for name in ("a", "b"))
    long = "x" * 41
    assert len(service_id(ours, long)) <= 33
    assert service_id(ours, long) != service_id(ours, f"{long[:-1]}y")
    assert service_id(ours, "flights") != service_id(theirs, "flights")


def test_a_machine_costs_what_its_parts_cost() -> None:
    prices = CloudRunPrices(account=GcpAccount(project="p", location="us-central1"))
    price = prices.price("run-2-2048")
    assert price is not None
    assert str(price.per_hour) == "0.1908"
    assert prices.price("run-2-2048", spot=True) is None
    assert prices.price("run-1-512-nvidia-unheard-of") is None
    assert prices.price("n1-standard-4") is not None
