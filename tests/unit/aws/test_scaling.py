"""Variants with bounds grow and shrink between them, and leave only once nothing scales them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.contracts import (
    Endpoints,
    Inventory,
    Phase,
    ProviderError,
    RunKey,
    Serving,
    Traffic,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


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


def bounds(account: AwsAccount) -> dict[str, tuple[int, int]]:
    """Return what is scaled, by its resource, as AWS tells it."""
    scaling = account.client("application-autoscaling")
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return {each["ResourceId"]: (each["MinCapacity"], each["MaxCapacity"]) for each in found}


@contextmanager
def busy(endpoints: Endpoints) -> Iterator[None]:
    """Ask without a pause, eight at a time."""
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            endpoints.predict("bench", ROW)

    callers = [threading.Thread(target=ask) for _ in range(8)]
    for each in callers:
        each.start()
    try:
        yield
    finally:
        enough.set()
        for each in callers:
            each.join()


def test_a_variant_grows_to_its_upper_bound_and_shrinks_to_its_lower(
    bench: Any, endpoints: Endpoints, emulator: Account
) -> None:
    up(bench, endpoints, bounded(bench))
    endpoints.shift("bench", Traffic(percent={"blue": 100}), since=endpoints.traffic("bench"))

    sizes = [1]

    def size() -> int:
        sizes.append(endpoints.variants("bench")[0].ready_replicas)
        return sizes[-1]

    with busy(endpoints):
        until(lambda: size() == 2)
    emulator.pull("speed", speed=200)  # it shrinks after minutes without much to do
    until(lambda: size() == 1)
    assert set(sizes) == {1, 2}


def test_what_is_scaled_is_let_go_before_it_is_retired(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    blue = f"endpoint/{account.named('bench')}/variant/blue"
    green = f"endpoint/{account.named('bench')}/variant/green"
    up(bench, endpoints, bounded(bench))
    up(bench, endpoints, bounded(bench, "green", most=3))
    assert bounds(account) == {blue: (1, 2), green: (1, 3)}
    endpoints.shift("bench", Traffic(percent={"green": 100}), since=endpoints.traffic("bench"))
    endpoints.retire("bench", "blue")
    assert bounds(account) == {green: (1, 3)}
    up(bench, endpoints, bounded(bench, most=4), key=KEY.next())
    assert bounds(account) == {blue: (1, 4), green: (1, 3)}
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert bounds(account) == {}


def test_replies_that_are_lost_leave_a_variant_scaled_once(
    bench: Any, endpoints: Endpoints, account: AwsAccount, emulator: Account
) -> None:
    emulator.fault("lost-reply", call="application-autoscaling:*", times=2)
    ref = endpoints.deploy(bounded(bench), key=KEY)

    def ready() -> bool:
        try:
            return endpoints.status(ref).phase is Phase.SUCCEEDED
        except ProviderError as error:
            assert error.retryable
            return False

    until(ready)
    assert bounds(account) == {f"endpoint/{account.named('bench')}/variant/blue": (1, 2)}
    assert emulator.pull("faults") == []


def test_a_variant_of_one_size_is_not_scaled(
    bench: Any, endpoints: Endpoints, account: AwsAccount, emulator: Account
) -> None:
    up(bench, endpoints, bench.variant_request())
    assert bounds(account) == {}
    assert emulator.calls("application-autoscaling:RegisterScalableTarget") == []


def test_the_service_refuses_what_cannot_be_scaled(account: AwsAccount) -> None:
    scaling = account.client("application-autoscaling")
    place = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/none/variant/blue",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    with pytest.raises(ClientError, match="No endpoint/variant found"):
        scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**place)


def test_the_service_keeps_a_variant_that_is_scaled(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    """Our own steps never meet this refusal; somebody else's would."""
    up(bench, endpoints, bounded(bench))
    up(bench, endpoints, bench.variant_request(variant="green"))
    sagemaker, name = account.client("sagemaker"), account.named("bench")
    config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    told = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    alone = [each for each in told["ProductionVariants"] if each["VariantName"] == "green"]
    sagemaker.create_endpoint_config(EndpointConfigName="alone", ProductionVariants=alone)
    with pytest.raises(ClientError, match="has automatic scaling applied"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName="alone")
