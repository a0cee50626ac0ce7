"""What every provider's endpoints must do, with real servers and real requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from blocks.contracts import (
    Capture,
    Conflict,
    Endpoints,
    NotFound,
    Phase,
    Serving,
    Traffic,
    Unsupported,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd
from blocks.testing.deploying import KEY, ROW, blue_is_live, bounded, busy, give, up_to
from blocks.testing.waiting import until

CONTRACT = Endpoints
BREAKS_THE_CONTRACT: dict[str, tuple[Any, str]] = {  # a payload, and what its refusal names
    "type": ({"dataframe_records": [{"x": "high", "n": 1}]}, "x"),
    "missing": ({"dataframe_records": [{"x": 0.7}]}, "n"),
    "unknown": ({"dataframe_records": [{"x": 0.7, "n": 1, "y": 2}]}, "y"),
    "null": ({"dataframe_records": [{"x": None, "n": 1}]}, "x"),
    "no rows": ({"dataframe_records": []}, "row"),
    "empty": ({}, "dataframe"),
    "too big": ({"dataframe_records": [{"x": 0.7, "n": 1, "note": "." * 3000}]}, "2000"),
}
Change = Callable[..., Endpoints]


@pytest.fixture
def endpoints(bench: Bench) -> Endpoints:
    return bench.connect(Endpoints)


def test_a_variant_comes_up_without_traffic_and_says_where_it_is(
    bench: Bench, endpoints: Endpoints
) -> None:
    request = bench.variant_request(variant="blue")
    assert endpoints.traffic(request.endpoint) == Traffic(percent={})
    assert list(endpoints.variants(request.endpoint)) == []
    ref = up_to(bench, endpoints, request)
    [variant] = endpoints.variants(request.endpoint)
    assert endpoints.status(ref).result == variant
    assert (variant.name, variant.model) == ("blue", request.model)
    assert variant.ready_replicas == 1
    assert variant.url.startswith("http")
    assert dict(endpoints.traffic(request.endpoint).percent) == {}
    assert {**bench.seen(ref)}["variant"] == "blue"


def test_asking_twice_deploys_once(bench: Bench, endpoints: Endpoints) -> None:
    request = bench.variant_request(variant="blue")
    calls = [((request,), {"key": KEY})] * 4
    with crowd(endpoints, "deploy", calls) as strangers:
        told = [each.told() for each in strangers]
    assert told == [endpoints.deploy(request, key=KEY)] * 4
    bench.settle(told[0])
    assert bench.created("endpoints") == 1
    assert len(endpoints.variants(request.endpoint)) == 1


def test_a_name_that_is_taken_by_something_else_is_refused(
    bench: Bench, endpoints: Endpoints
) -> None:
    request = bench.variant_request(variant="blue")
    endpoints.deploy(request, key=KEY)
    other = bench.variant_request(kind="constant", variant="blue")
    with pytest.raises(Conflict, match="version"):
        endpoints.deploy(other, key=KEY.next())
    patient = request.model_copy(update={"serving": Serving(concurrency=2)})
    with pytest.raises(Conflict, match="serving"):
        endpoints.deploy(patient, key=KEY.next())
    assert [each.model for each in endpoints.variants(request.endpoint)] == [request.model]


def test_a_model_that_does_not_load_fails_with_its_cause_and_the_old_one_goes_on(
    bench: Bench, endpoints: Endpoints
) -> None:
    blue = blue_is_live(bench, endpoints)
    bad = bench.variant_request(kind="unloadable", variant="green")
    bench.settle(ref := endpoints.deploy(bad, key=KEY))
    status = endpoints.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert "this model cannot be loaded" in status.failure.message
    with pytest.raises(Conflict, match="green"):
        give(endpoints, blue=50, green=50)
    assert endpoints.predict(blue.endpoint, ROW).status == 200
    endpoints.retire(blue.endpoint, "green")
    assert [each.name for each in endpoints.variants(blue.endpoint)] == ["blue"]


def test_a_variant_is_retired_once_it_has_no_traffic(bench: Bench, endpoints: Endpoints) -> None:
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    with pytest.raises(Conflict, match="blue"):
        endpoints.retire(blue.endpoint, "blue")
    assert endpoints.predict(blue.endpoint, ROW).status == 200
    give(endpoints, green=100)
    for _ in range(2):
        endpoints.retire(blue.endpoint, "blue")
    assert [each.name for each in endpoints.variants(blue.endpoint)] == ["green"]
    until(lambda: not any("/blue" in name for name in bench.running()))
    assert endpoints.predict(blue.endpoint, ROW).status == 200


def test_a_server_that_dies_is_replaced(bench: Bench, endpoints: Endpoints) -> None:
    blue = bench.variant_request(variant="blue")
    ref = up_to(bench, endpoints, blue)
    give(endpoints, blue=100)
    bench.reclaim(ref)
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED)
    until(lambda: endpoints.predict(blue.endpoint, ROW).status == 200)


def test_an_endpoint_that_is_not_there_has_nothing(endpoints: Endpoints) -> None:
    assert endpoints.traffic("nowhere") == Traffic(percent={})
    assert list(endpoints.variants("nowhere")) == []
    endpoints.retire("nowhere", "blue")
    with pytest.raises(NotFound) as caught:
        endpoints.predict("nowhere", ROW)
    assert (caught.value.provider, caught.value.operation) == (
        endpoints.provider,
        "endpoints.predict",
    )


def test_a_request_that_breaks_the_contract_is_refused_and_the_server_lives(
    bench: Bench, endpoints: Endpoints
) -> None:
    blue = blue_is_live(bench, endpoints, max_payload_bytes=2000)
    for what, (payload, told) in BREAKS_THE_CONTRACT.items():
        refused = endpoints.predict(blue.endpoint, payload)
        assert 400 <= refused.status < 500, what
        assert told in str(refused.body), what
        assert endpoints.predict(blue.endpoint, ROW).status == 200, what


def test_one_variant_can_be_asked_past_the_split_or_not_at_all(
    bench: Bench, changed: Change, endpoints: Endpoints
) -> None:
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    if endpoints.features.direct:
        found = endpoints.predict(blue.endpoint, ROW, variant="green")
        assert (found.variant, found.body["predictions"]) == ("green", [0.25])
    with pytest.raises(Unsupported, match="alone"):
        changed(direct=False).predict(blue.endpoint, ROW, variant="green")


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("scale_to_zero", {"min_replicas": 0}),
        ("autoscaling", {"max_replicas": 2}),
        ("capture", {"capture": Capture(sample=0.5)}),
        ("sticky", {"serving": Serving(user_header="x-user")}),
    ],
)
def test_what_is_not_on_offer_is_refused_before_anything_starts(
    bench: Bench, changed: Change, feature: str, change: dict[str, Any]
) -> None:
    request = bench.variant_request().model_copy(update=change)
    with pytest.raises(Unsupported) as caught:
        changed(**{feature: False}).deploy(request, key=KEY)
    assert caught.value.code == feature.upper()
    assert bench.created("endpoints") == 0
    assert list(bench.running()) == []


def test_a_payload_limit_of_the_provider_is_told_before_anything_starts(
    bench: Bench, changed: Change
) -> None:
    with pytest.raises(Unsupported, match="1000 bytes"):
        changed(max_payload_bytes=1000).deploy(bench.variant_request(), key=KEY)
    assert list(bench.running()) == []


def test_it_grows_under_load_or_is_not_asked_to(bench: Bench, endpoints: Endpoints) -> None:
    request = bounded(bench)
    if not endpoints.features.autoscaling:
        with pytest.raises(Unsupported):
            endpoints.deploy(request, key=KEY)
        return
    up_to(bench, endpoints, request)
    give(endpoints, blue=100)
    [variant] = endpoints.variants(request.endpoint)
    assert variant.ready_replicas == 1
    with busy(endpoints):
        until(lambda: endpoints.variants(request.endpoint)[0].ready_replicas == 2)
