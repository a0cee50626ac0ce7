"""Endpoints of SageMaker, when the cloud or a process fails in the middle."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from blocks.contracts import (
    Conflict,
    Endpoints,
    Inventory,
    Mirror,
    OperationRef,
    Phase,
    ProviderError,
    QuotaExceeded,
    RunKey,
    Serving,
    Throttled,
    Traffic,
    Unavailable,
    Unsupported,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.crowd import stranger
from blocks.testing.waiting import until

T = TypeVar("T")

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
CREATE, UPDATE = "sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"
WEIGH = "sagemaker:UpdateEndpointWeightsAndCapacities"


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def again(call: Callable[[], T]) -> T:
    """Make a call until it meets no passing fault any more, as tasks do."""
    for _ in range(20):
        try:
            return call()
        except ProviderError as error:
            if not error.retryable:
                raise
    raise TimeoutError("the fault does not pass")


def up(bench: Any, endpoints: Endpoints, variant: str, kind: str = "threshold") -> OperationRef:
    request = bench.variant_request(kind=kind, variant=variant)
    ref = again(lambda: endpoints.deploy(request, key=KEY))
    bench.settle(ref)
    return ref


def give(endpoints: Endpoints, **percent: int) -> Traffic:
    return endpoints.shift("bench", Traffic(percent=percent), since=endpoints.traffic("bench"))


def weights(account: AwsAccount) -> dict[str, float]:
    """Return what SageMaker itself says."""
    sagemaker = account.client("sagemaker")
    found = sagemaker.describe_endpoint(EndpointName=account.named("bench"))
    return {each["VariantName"]: each["CurrentWeight"] for each in found["ProductionVariants"]}


def left(account: AwsAccount) -> list[str]:
    """Return every endpoint, configuration and model there is."""
    sagemaker, found = account.client("sagemaker"), []
    for noun, member in (("endpoints", "Endpoint"), ("endpoint_configs", "EndpointConfig")):
        pages = sagemaker.get_paginator(f"list_{noun}").paginate()
        found += [each[f"{member}Name"] for page in pages for each in page[f"{member}s"]]
    pages = sagemaker.get_paginator("list_models").paginate()
    return found + [each["ModelName"] for page in pages for each in page["Models"]]


def test_replies_that_are_lost_make_nothing_twice(
    bench: Any, endpoints: Endpoints, emulator: Account, account: AwsAccount
) -> None:
    bench.variant_request(variant="blue")  # its model is in S3 before the network gets bad
    for call in ("sagemaker:CreateModel", "sagemaker:CreateEndpointConfig", CREATE, "s3:PutObject"):
        emulator.fault("lost-reply", call=call)
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    emulator.fault("lost-reply", call=UPDATE)
    emulator.fault("internal-error-after", call="sagemaker:CreateModel")
    up(bench, endpoints, "green", "constant")
    assert bench.created("endpoints") == 2
    until(lambda: endpoints.variants("bench") and len(left(account)) == 1 + 1 + 2)
    emulator.fault("lost-reply", call=WEIGH)
    with pytest.raises(Unavailable):
        give(endpoints, green=100)
    assert dict(endpoints.traffic("bench").percent) == {"green": 100}
    until(lambda: endpoints.variants("bench") and weights(account)["green"] == 100)


def test_a_quota_is_told_and_leaves_nothing_wanted(
    bench: Any, endpoints: Endpoints, emulator: Account
) -> None:
    emulator.fault("resource-limit", call=CREATE)
    request = bench.variant_request(variant="blue")
    with pytest.raises(QuotaExceeded):
        endpoints.deploy(request, key=KEY)
    assert list(endpoints.variants("bench")) == []
    assert bench.running() == []


def test_a_call_too_many_is_made_again_by_the_next_look(
    bench: Any, endpoints: Endpoints, emulator: Account
) -> None:
    emulator.fault("throttling", call=CREATE)
    request = bench.variant_request(variant="blue")
    with pytest.raises(Throttled):
        endpoints.deploy(request, key=KEY)
    ref = endpoints.deploy(request, key=KEY)
    bench.settle(ref)
    emulator.fault("throttling", call="sagemaker:DescribeEndpoint", times=2)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


def test_an_endpoint_that_is_not_seen_yet_is_not_made_twice(
    bench: Any, endpoints: Endpoints, emulator: Account
) -> None:
    emulator.fault("stale-read", call="sagemaker:DescribeEndpoint", times=3)
    ref = up(bench, endpoints, "blue")
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    assert [each["status"] for each in emulator.calls(CREATE)].count(200) == 1


def test_an_endpoint_that_is_stuck_is_waited_for(
    bench: Any, endpoints: Endpoints, emulator: Account
) -> None:
    emulator.fault("stuck-creating")
    request = bench.variant_request(variant="blue")
    ref = endpoints.deploy(request, key=KEY)
    assert endpoints.status(ref).phase is Phase.RUNNING
    with pytest.raises(Conflict, match="blue"):
        give(endpoints, blue=100)
    emulator.advance(3600)
    bench.settle(ref)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


def test_what_could_not_be_created_makes_room_for_the_next(
    bench: Any, endpoints: Endpoints, emulator: Account, account: AwsAccount
) -> None:
    """SageMaker lets nobody change an endpoint that failed while it was created."""
    emulator.fault("failed-health-check")
    failed = endpoints.status(up(bench, endpoints, "blue"))
    assert failed.phase is Phase.FAILED
    assert failed.failure is not None
    assert "ping" in failed.failure.message
    assert endpoints.status(up(bench, endpoints, "green")).phase is Phase.SUCCEEDED
    endpoints.retire("bench", "blue")
    assert [each.name for each in endpoints.variants("bench")] == ["green"]
    until(lambda: endpoints.variants("bench") and len(left(account)) == 3)


def test_whoever_dies_while_it_deploys_the_next_one_goes_on(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    moments, request = random.Random(3), bench.variant_request(variant="blue")
    for _ in range(4):
        dying = stranger(endpoints, "deploy", request, key=KEY)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.4))
        dying.kill()
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 1
    assert len(left(account)) == 3


def test_whoever_dies_while_it_moves_traffic_leaves_it_at_old_or_new(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    give(endpoints, blue=100)
    moments = random.Random(5)
    for number in range(6):
        share, since = 10 + number, endpoints.traffic("bench")
        wanted = {"blue": 100 - share, "green": share}
        dying = stranger(endpoints, "shift", "bench", Traffic(percent=wanted), since=since)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.3))
        dying.kill()
        now = dict(endpoints.traffic("bench").percent)
        assert now in (dict(since.percent), wanted)
        for name in ("blue", "green"):
            until(
                lambda name=name, now=now: (
                    endpoints.variants("bench")  # type: ignore[misc]
                    and weights(account)[name] == now.get(name, 0)
                )
            )


def test_a_mirror_and_a_third_variant_exclude_each_other(bench: Any, endpoints: Endpoints) -> None:
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    give(endpoints, blue=100)
    copies = Mirror(variant="green", percent=50)
    half = Traffic(percent={"blue": 50, "green": 50}, mirror=copies)
    with pytest.raises(Unsupported, match="one live variant"):
        endpoints.shift("bench", half, since=endpoints.traffic("bench"))
    mirrored = Traffic(percent={"blue": 100}, mirror=copies)
    endpoints.shift("bench", mirrored, since=endpoints.traffic("bench"))
    with pytest.raises(Conflict, match="third"):
        endpoints.deploy(bench.variant_request(kind="same", variant="third"), key=KEY)
    with pytest.raises(Conflict, match="end the mirror"):
        endpoints.predict("bench", ROW, variant="green")
    give(endpoints, blue=90, green=10)
    assert endpoints.predict("bench", ROW, variant="green").body["predictions"] == [0.25]


def test_a_bearer_token_is_asked_for_and_brought(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    bench.keep_secret("caller", "the=word")
    request = bench.variant_request(variant="blue")
    request = request.model_copy(update={"serving": Serving(token_secret="caller")})
    bench.settle(endpoints.deploy(request, key=KEY))
    give(endpoints, blue=100)
    assert endpoints.predict("bench", ROW).status == 200
    runtime = account.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=account.named("bench"), Body=b"{}")
    assert caught.value.response["OriginalStatusCode"] == 401


def test_nothing_is_left_of_an_endpoint_that_is_taken_down(
    bench: Any, endpoints: Any, account: AwsAccount
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    for _ in range(2):
        endpoints.take_down("bench")
    until(lambda: list(endpoints.variants("bench")) == [] and left(account) == [])
    assert bench.running() == []
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED


def test_nothing_of_serving_is_left_once_everything_is_removed(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    """A configuration cannot go while its endpoint still goes down."""
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert left(account) == []
    assert list(inventory.owned()) == []
