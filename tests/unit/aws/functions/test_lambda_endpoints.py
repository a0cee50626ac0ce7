"""What is special about endpoints on Lambda."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import (
    Conflict,
    Denied,
    Endpoints,
    InvalidRequest,
    Inventory,
    Phase,
    Resource,
    Serving,
    Traffic,
    Unavailable,
    Unsupported,
    VariantRequest,
)
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.functions.calls import MAX_BODY
from blocks.testing.deploying import KEY, ROW, up_to
from blocks.testing.waiting import until


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def request(bench: Any, variant: str = "blue", **change: Any) -> VariantRequest:
    kind = "threshold" if variant == "blue" else "constant"
    found: VariantRequest = bench.variant_request(kind=kind, variant=variant)
    return found.model_copy(update=change)


def live(endpoints: Endpoints, endpoint: str, **percent: int) -> Traffic:
    return endpoints.shift(endpoint, Traffic(percent=percent), since=endpoints.traffic(endpoint))


def test_what_scales_to_zero_runs_nothing_until_it_is_asked(
    bench: Any, emulator: Account, endpoints: Endpoints
) -> None:
    blue = request(bench, min_replicas=0)
    up_to(bench, endpoints, blue)
    live(endpoints, blue.endpoint, blue=100)
    emulator.pull("lambda-kill", function=bench.account.named("bench"), description="blue")
    assert bench.running() == []
    assert endpoints.predict(blue.endpoint, ROW).body["predictions"] == [1.0]
    assert len(bench.running()) == 1


@pytest.mark.parametrize("fault", ["throttling", "unavailable"])
def test_a_caller_is_answered_though_lambda_is_busy_with_others(
    bench: Any, emulator: Account, endpoints: Endpoints, fault: str
) -> None:
    blue = request(bench)
    up_to(bench, endpoints, blue)
    live(endpoints, blue.endpoint, blue=100)
    emulator.fault(fault, call="lambda:GetFunctionConfiguration", times=2)
    assert endpoints.predict(blue.endpoint, ROW).status == 200
    assert emulator.pull("faults") == []


def test_what_scales_to_zero_and_does_not_load_is_told(bench: Any, endpoints: Endpoints) -> None:
    bad = bench.variant_request(kind="unloadable").model_copy(update={"min_replicas": 0})
    bench.settle(ref := endpoints.deploy(bad, key=KEY))
    failure = endpoints.status(ref).failure
    assert failure is not None
    assert "this model cannot be loaded" in failure.message


def test_a_caller_too_many_is_told_to_come_later(
    bench: Any, emulator: Account, endpoints: Endpoints
) -> None:
    blue = request(bench)
    up_to(bench, endpoints, blue)
    live(endpoints, blue.endpoint, blue=100)
    emulator.pull("lambda-concurrency", limit=0)
    refused = endpoints.predict(blue.endpoint, ROW)
    assert (refused.status, refused.variant) == (429, "")
    emulator.pull("lambda-concurrency", limit=10)
    assert endpoints.predict(blue.endpoint, ROW).status == 200


def test_a_bearer_token_is_asked_for_and_brought(bench: Any, endpoints: Endpoints) -> None:
    bench.keep_secret("callers", "sesame")
    blue = request(bench, serving=Serving(token_secret="callers"))
    up_to(bench, endpoints, blue)
    live(endpoints, blue.endpoint, blue=100)
    assert endpoints.predict(blue.endpoint, ROW).status == 200
    bench.keep_secret("callers", "another")
    assert endpoints.predict(blue.endpoint, ROW).status == 401


def test_a_third_variant_gets_no_traffic_beside_two(bench: Any, endpoints: Endpoints) -> None:
    blue = request(bench)
    up_to(bench, endpoints, blue)
    live(endpoints, blue.endpoint, blue=100)
    since = endpoints.traffic(blue.endpoint)
    up_to(bench, endpoints, request(bench, "green"))
    up_to(bench, endpoints, request(bench, "gold"))
    with pytest.raises(Unsupported, match="two versions"):
        live(endpoints, blue.endpoint, blue=50, green=30, gold=20)
    assert endpoints.traffic(blue.endpoint) == since


def test_a_variant_that_was_retired_before_it_was_published_never_is(
    bench: Any, endpoints: Endpoints
) -> None:
    blue = request(bench)
    endpoints.deploy(blue, key=KEY)
    endpoints.retire(blue.endpoint, "blue")
    assert list(endpoints.variants(blue.endpoint)) == []
    ref = up_to(bench, endpoints, request(bench, "green"))
    assert [each.name for each in endpoints.variants(blue.endpoint)] == ["green"]
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


@pytest.mark.parametrize("call", ["UpdateFunctionConfiguration", "CreateFunction"])
def test_a_lost_reply_deploys_once(
    bench: Any, emulator: Account, endpoints: Endpoints, call: str
) -> None:
    if call == "UpdateFunctionConfiguration":
        up_to(bench, endpoints, request(bench, "green"))
    published = bench.created("endpoints")
    emulator.fault("lost-reply", call=f"lambda:{call}")
    with pytest.raises(Unavailable):
        endpoints.deploy(request(bench), key=KEY)
    up_to(bench, endpoints, request(bench))
    assert bench.created("endpoints") == published + 1


def test_two_that_deploy_at_once_get_both(bench: Any, endpoints: Endpoints) -> None:
    refs = [endpoints.deploy(request(bench, name), key=KEY) for name in ("blue", "green")]
    for ref in refs:
        bench.settle(ref)
    names = {each.name for each in endpoints.variants("bench")}
    assert names == {"blue", "green"}


def test_a_first_split_is_made_once(bench: Any, endpoints: Endpoints) -> None:
    blue = request(bench)
    up_to(bench, endpoints, blue)
    nothing = endpoints.traffic(blue.endpoint)
    endpoints.shift(blue.endpoint, Traffic(percent={"blue": 100}), since=nothing)
    with pytest.raises(Conflict):
        endpoints.shift(blue.endpoint, Traffic(percent={"blue": 100}), since=nothing)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"machine": "ml.m5.large"}, "MACHINE"),
        ({"machine": "lambda-64"}, "MACHINE"),
        ({"env": {"AWS_REGION": "mars"}}, "ENV"),
    ],
)
def test_what_lambda_never_serves_is_told_before_anything_starts(
    bench: Any, endpoints: Endpoints, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        endpoints.deploy(request(bench, **change), key=KEY)
    assert caught.value.code == code
    assert bench.created("endpoints") == 0


def test_payloads_up_to_the_limit_pass(bench: Any, endpoints: Endpoints) -> None:
    blue = request(bench, serving=Serving(max_payload_bytes=MAX_BODY))
    up_to(bench, endpoints, blue)
    live(endpoints, blue.endpoint, blue=100)
    row = {"x": 0.7, "n": 1, "note": ""}
    row["note"] = "x" * (MAX_BODY - 200)
    assert endpoints.predict(blue.endpoint, {"dataframe_records": [row]}).status == 200
    row["note"] = "x" * (MAX_BODY + 20_000)
    assert endpoints.predict(blue.endpoint, {"dataframe_records": [row]}).status == 413


def test_a_function_of_somebody_else_is_neither_listed_nor_touched(
    bench: Any, endpoints: Endpoints
) -> None:
    inventory: Inventory = bench.connect(Inventory)
    name = bench.account.named("theirs")
    bench.account.client("lambda").create_function(
        FunctionName=name,
        Role=bench.account.role_arn,
        PackageType="Image",
        Code={"ImageUri": "image"},
        ImageConfig={"EntryPoint": ["true"]},
        Tags={"bluewater:owner": "somebody"},
    )
    theirs = Resource(
        kind="endpoint", id=name, name=name, created="2026-01-01T00:00:00Z", running=True
    )
    with pytest.raises(Denied):
        inventory.remove(theirs)
    up_to(bench, endpoints, request(bench))
    [mine] = [each for each in inventory.owned() if each.running]
    inventory.remove(mine)
    inventory.remove(mine)
    until(lambda: bench.running() == [])
    assert endpoints.traffic("bench") == Traffic(percent={})
