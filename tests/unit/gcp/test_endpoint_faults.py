"""Endpoints of Vertex AI, when the cloud or a process fails in the middle."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.cloud.aiplatform_v1.types import Endpoint

from blocks.contracts import (
    Conflict,
    Endpoints,
    OperationRef,
    Phase,
    ProviderError,
    QuotaExceeded,
    RunKey,
    Throttled,
    Traffic,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.testing.crowd import stranger
from blocks.testing.waiting import until

T = TypeVar("T")

KEY = RunKey(run="run-1", step="deploy")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
CREATE, DEPLOY = "aiplatform:CreateEndpoint", "aiplatform:DeployModel"
UPDATE, UPLOAD = "aiplatform:UpdateEndpoint", "aiplatform:UploadModel"


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


def left(account: GcpAccount) -> list[str]:
    """Return every endpoint and model there is."""
    there = account.client(EndpointServiceClient).list_endpoints(parent=account.parent)
    models = account.client(ModelServiceClient).list_models(parent=account.parent)
    return [each.name for each in there] + [each.name for each in models]


def test_replies_that_are_lost_make_nothing_twice(
    bench: Any, endpoints: Endpoints, emulator: Project, account: GcpAccount
) -> None:
    bench.variant_request(variant="blue")  # its model is in the bucket before the network is bad
    for call in (CREATE, UPLOAD, DEPLOY):
        emulator.fault("lost-reply", call=call)
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert len(left(account)) == 2
    assert [each["status"] for each in emulator.calls(CREATE)].count(200) <= 1
    emulator.fault("lost-reply", call=UPDATE)
    assert dict(give(endpoints, blue=100).percent) == {"blue": 100}
    assert len(emulator.calls(UPDATE)) == 1


def test_a_quota_is_told_and_leaves_nothing_wanted(
    bench: Any, endpoints: Endpoints, emulator: Project
) -> None:
    emulator.fault("quota", call=DEPLOY)
    request = bench.variant_request(variant="blue")
    with pytest.raises(QuotaExceeded):
        endpoints.deploy(request, key=KEY)
    assert list(endpoints.variants("bench")) == []
    assert bench.running() == []


def test_a_call_too_many_is_made_again_by_the_next_look(
    bench: Any, endpoints: Endpoints, emulator: Project
) -> None:
    emulator.fault("throttling", call=DEPLOY)
    request = bench.variant_request(variant="blue")
    with pytest.raises(Throttled):
        endpoints.deploy(request, key=KEY)
    ref = endpoints.deploy(request, key=KEY)
    bench.settle(ref)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


def test_an_endpoint_that_is_not_seen_yet_is_not_made_twice(
    bench: Any, endpoints: Endpoints, emulator: Project
) -> None:
    emulator.fault("stale-read", call="aiplatform:GetEndpoint", times=3)
    ref = up(bench, endpoints, "blue")
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 1
    assert [each["status"] for each in emulator.calls(CREATE)].count(200) == 1


def test_a_deployment_that_is_stuck_is_waited_for(
    bench: Any, endpoints: Endpoints, emulator: Project
) -> None:
    emulator.fault("stuck-deploying")
    ref = endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    assert endpoints.status(ref).phase is Phase.RUNNING
    with pytest.raises(Conflict, match="blue"):
        give(endpoints, blue=100)
    until(lambda: bench.running() != [])
    emulator.advance(3600)
    bench.settle(ref)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


def test_a_second_deployment_waits_for_the_first(
    bench: Any, endpoints: Endpoints, emulator: Project
) -> None:
    """Vertex AI makes one change to an endpoint at a time."""
    emulator.fault("stuck-deploying")
    endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    green = endpoints.deploy(bench.variant_request(kind="constant", variant="green"), key=KEY)
    assert endpoints.status(green).phase is Phase.QUEUED
    emulator.advance(3600)
    bench.settle(green)
    assert endpoints.status(green).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 2


@pytest.mark.parametrize("fault", ["failed-health-check", "stock-out"])
def test_what_could_not_be_deployed_makes_room_for_the_next(
    bench: Any, endpoints: Endpoints, emulator: Project, account: GcpAccount, fault: str
) -> None:
    emulator.fault(fault)
    failed = endpoints.status(up(bench, endpoints, "blue"))
    assert failed.phase is Phase.FAILED
    assert failed.failure is not None
    assert failed.failure.message
    assert endpoints.status(up(bench, endpoints, "green")).phase is Phase.SUCCEEDED
    endpoints.retire("bench", "blue")
    assert [each.name for each in endpoints.variants("bench")] == ["green"]
    until(lambda: endpoints.variants("bench") and len(left(account)) == 2)


def test_a_variant_that_is_retired_while_it_is_deployed_leaves_nothing(
    bench: Any, endpoints: Endpoints, emulator: Project, account: GcpAccount
) -> None:
    emulator.fault("stuck-deploying")
    ref = endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    endpoints.retire("bench", "blue")
    assert list(endpoints.variants("bench")) == []
    assert endpoints.status(ref).phase is Phase.CANCELLED
    until(lambda: list(endpoints.variants("bench")) == [] and left(account) == [])
    assert bench.running() == []


def test_traffic_that_somebody_moved_in_the_console_is_not_overwritten(
    bench: Any, endpoints: Endpoints, account: GcpAccount
) -> None:
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    since = give(endpoints, blue=100)
    client = account.client(EndpointServiceClient)
    there = client.get_endpoint(name=f"{account.parent}/endpoints/{account.named('bench')}")
    ids = {each.display_name: each.id for each in there.deployed_models}
    moved = Endpoint(
        name=there.name, display_name=there.display_name, traffic_split={ids["green"]: 100}
    )
    client.update_endpoint(endpoint=moved, update_mask={"paths": ["traffic_split"]})
    assert dict(endpoints.traffic("bench").percent) == {"green": 100}
    with pytest.raises(Conflict, match="moved meanwhile"):
        endpoints.shift("bench", Traffic(percent={"blue": 50, "green": 50}), since=since)


def test_a_deployment_between_reading_and_moving_does_not_stop_the_move(
    bench: Any, endpoints: Endpoints
) -> None:
    """Vertex AI's own etag has moved then; the traffic has not."""
    up(bench, endpoints, "blue")
    since = give(endpoints, blue=100)
    up(bench, endpoints, "green", "constant")
    split = endpoints.shift("bench", Traffic(percent={"blue": 90, "green": 10}), since=since)
    assert dict(split.percent) == {"blue": 90, "green": 10}


def test_whoever_dies_while_it_deploys_the_next_one_goes_on(
    bench: Any, endpoints: Endpoints, account: GcpAccount
) -> None:
    moments, request = random.Random(3), bench.variant_request(variant="blue")
    for _ in range(4):
        dying = stranger(endpoints, "deploy", request, key=KEY)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.4))
        dying.kill()
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 1
    assert len(left(account)) == 2


def test_whoever_dies_while_it_moves_traffic_leaves_it_at_old_or_new(
    bench: Any, endpoints: Endpoints
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
        assert dict(endpoints.traffic("bench").percent) in (dict(since.percent), wanted)


def test_nothing_is_left_of_an_endpoint_that_is_taken_down(
    bench: Any, endpoints: Any, account: GcpAccount
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    for _ in range(2):
        endpoints.take_down("bench")
    assert left(account) == []
    assert bench.running() == []
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
