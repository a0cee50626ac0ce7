"""Variants with bounds grow and shrink between them, and nothing scales what is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from blocks.contracts import (
    Endpoints,
    InvalidRequest,
    Inventory,
    Monitor,
    Phase,
    ProviderError,
    RunKey,
    Sample,
    Serving,
    Traffic,
    VariantRequest,
    Window,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.emulator.launch import GROUP, Subscription
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.scaling import CPU, GPU, REQUESTS, Busy, to_autoscale_setting
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
PUT = "insights:AutoscaleSettings.CreateOrUpdate"


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def bounded(bench: Any, variant: str = "blue", most: int = 2) -> VariantRequest:
    request: VariantRequest = bench.variant_request(kind="slow", variant=variant)
    serving = Serving(concurrency=1, timeout=timedelta(seconds=60))
    return request.model_copy(update={"max_replicas": most, "serving": serving})


def up(bench: Any, endpoints: Endpoints, request: VariantRequest, key: RunKey = KEY) -> None:
    bench.settle(ref := endpoints.deploy(request, key=key))
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


def bounds(account: AzureAccount) -> dict[str, tuple[str, str]]:
    """Return what is scaled, by its setting, as Azure tells it."""
    found = account.monitor().autoscale_settings.list_by_resource_group(GROUP)
    capacities = {each.name: each.profiles[0].capacity for each in found}
    mine = endpoint_name(account, "bench")
    return {
        name.removeprefix(f"{mine}-"): (each.minimum, each.maximum)
        for name, each in capacities.items()
        if name.startswith(mine)
    }


@contextmanager
def busy(endpoints: Endpoints) -> Iterator[None]:
    """Ask without a pause, four at a time."""
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            endpoints.predict("bench", ROW)

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for each in callers:
        each.start()
    try:
        yield
    finally:
        enough.set()
        for each in callers:
            each.join()


def test_a_variant_grows_under_load_and_shrinks_without_and_azure_tells_why(
    bench: Any, endpoints: Endpoints
) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    up(bench, endpoints, bounded(bench))
    endpoints.shift("bench", Traffic(percent={"blue": 100}), since=endpoints.traffic("bench"))
    sizes = [1]

    def size() -> int:
        sizes.append(endpoints.variants("bench")[0].ready_replicas)
        return sizes[-1]

    with busy(endpoints):
        until(lambda: size() == 2)
    until(lambda: size() == 1)
    assert set(sizes) == {1, 2}
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


def test_what_scales_a_variant_goes_with_it(
    bench: Any, endpoints: Endpoints, account: AzureAccount, emulator: Subscription
) -> None:
    up(bench, endpoints, bounded(bench))
    up(bench, endpoints, bounded(bench, "green", most=3))
    up(bench, endpoints, bench.variant_request(variant="plain"))
    assert bounds(account) == {"blue": ("1", "2"), "green": ("1", "3")}
    assert len(emulator.calls(PUT)) == 2
    endpoints.shift("bench", Traffic(percent={"green": 100}), since=endpoints.traffic("bench"))
    endpoints.retire("bench", "blue")
    until(lambda: len(endpoints.variants("bench")) == 2 and len(bounds(account)) == 1)
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert bounds(account) == {}
    assert list(inventory.owned()) == []


def test_a_setting_whose_deployment_somebody_removed_is_found_and_goes(
    bench: Any, endpoints: Endpoints, account: AzureAccount
) -> None:
    up(bench, endpoints, bounded(bench))
    name = endpoint_name(account, "bench")
    account.ml().online_endpoints.begin_delete(name).result()
    inventory = bench.connect(Inventory)
    [found] = list(inventory.owned())
    assert (found.kind, found.running, found.detail) == ("autoscale-setting", False, "bench")
    for _ in range(2):
        inventory.remove(found)
    assert bounds(account) == {}


def test_replies_that_are_lost_leave_a_variant_scaled(
    bench: Any, endpoints: Endpoints, account: AzureAccount, emulator: Subscription
) -> None:
    emulator.fault("lost-reply", call=PUT, times=2)
    ref = endpoints.deploy(bounded(bench), key=KEY)

    def ready() -> bool:
        try:
            return endpoints.status(ref).phase is Phase.SUCCEEDED
        except ProviderError as error:
            assert error.retryable
            return False

    until(ready)
    assert bounds(account) == {"blue": ("1", "2")}
    assert emulator.pull("faults") == []


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
        up(bench, endpoints, request)
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
