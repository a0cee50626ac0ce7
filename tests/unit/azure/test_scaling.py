"""What Azure Monitor tells of a variant that is scaled, and which settings it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from blocks.contracts import (
    Endpoints,
    InvalidRequest,
    Inventory,
    Monitor,
    Sample,
    Window,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.emulator.launch import GROUP
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.scaling import CPU, GPU, REQUESTS, Busy, to_autoscale_setting
from blocks.testing.deploying import bounded, give, sizes_under_load, up_to


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def test_a_variant_grows_under_load_and_shrinks_without_and_azure_tells_why(
    bench: Any, endpoints: Endpoints
) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    up_to(bench, endpoints, bounded(bench))
    give(endpoints, blue=100)
    assert set(sizes_under_load(endpoints)) == {1, 2}
    monitor = bench.connect(Monitor)
    window = Window(start=since, end=datetime.now(UTC) + timedelta(seconds=1))

    def told(metric: str, **labels: str) -> list[float]:
        found = monitor.read(metric, window, labels={"endpoint": "bench", **labels})
        return [each.value for each in found]

    assert max(told("azure/RequestsPerMinute", variant="blue")) > 240
    assert max(told("azure/RequestsPerMinute", status_class="2xx")) > 0
    assert max(told("azure/RequestsPerMinute", variant="blue", status_class="3xx")) == 0
    assert max(told("azure/RequestLatency_P95")) >= max(told("azure/RequestLatency_P50")) > 0
    assert 0 < max(told("azure/CpuUtilizationPercentage", variant="blue")) <= 100
    assert told("azure/RequestLatency", variant="green") == []
    with pytest.raises(InvalidRequest):
        told("azure/CpuUtilizationPercentage")
    with pytest.raises(InvalidRequest):
        told("azure/NoSuchMetric")
    with pytest.raises(InvalidRequest):
        monitor.record("azure/mine", [Sample(at=since, value=1.0)], labels={})
    assert monitor.read("azure/RequestLatency", window, labels={"endpoint": "nowhere"}) == []


def test_a_setting_whose_deployment_somebody_removed_is_found_and_goes(
    bench: Any, endpoints: Endpoints, account: AzureAccount
) -> None:
    up_to(bench, endpoints, bounded(bench))
    name = endpoint_name(account, "bench")
    account.ml().online_endpoints.begin_delete(name).result()
    inventory = bench.connect(Inventory)
    [found] = list(inventory.owned())
    assert (found.kind, found.running, found.detail) == ("autoscale-setting", False, "bench")
    for _ in range(2):
        inventory.remove(found)
    assert bench.scaled("bench") == {}


@pytest.mark.parametrize(
    ("path", "wrong", "says"),
    [
        (("target_resource_uri",), "/subscriptions/x", "was not found"),
        (("profiles", 0, "capacity", "maximum"), "0", "not in this order"),
        (("profiles", 0, "rules", 0, "metric_trigger", "metric_name"), "Load", "no metric Load"),
        (
            ("profiles", 0, "rules", 0, "metric_trigger", "time_window"),
            timedelta(minutes=1),
            "300",
        ),
        (("profiles", 0, "rules", 0, "metric_trigger", "statistic"), "Mean", "not one of"),
        (("profiles", 0, "rules", 1, "scale_action", "cooldown"), timedelta(0), "cooldown"),
        (("profiles", 0, "name"), None, "required"),
        (("location",), None, "required"),
    ],
)
def test_azure_refuses_a_setting_that_makes_no_sense(
    settings: tuple[AzureAccount, Any], path: tuple[Any, ...], wrong: Any, says: str
) -> None:
    account, setting = settings
    *way, last = path
    here: Any = setting
    for step in way:
        here = here[step] if isinstance(step, int) else getattr(here, step)
    before = getattr(here, last)
    setattr(here, last, wrong)
    try:
        with pytest.raises(HttpResponseError, match=says):
            account.monitor().autoscale_settings.create_or_update(GROUP, "wrong", setting)
    finally:
        setattr(here, last, before)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AzureAccount, Any]]:
    """Return an account with a deployment, and a setting that could be."""
    with AzureBench(tmp_path_factory.mktemp("settings")) as bench:
        request = bench.variant_request()
        endpoints: Any = bench.connect(Endpoints)
        up_to(bench, endpoints, request)
        asked = request.model_copy(update={"max_replicas": 2})
        setting = to_autoscale_setting(asked, account=bench.account, busy=Busy(share=70))
        setting.name_properties_name = "wrong"
        yield bench.account, setting
        endpoints.take_down(request.endpoint)


def test_what_is_looked_at_is_that_of_the_machine() -> None:
    share = Busy(share=60)
    assert share.metric("Standard_D4s_v3") == (CPU, 60)
    assert share.metric("Standard_NC24ads_A100_v4") == (GPU, 60)
    assert Busy(share=60, requests=90).metric("Standard_NC24ads_A100_v4") == (REQUESTS, 90)
