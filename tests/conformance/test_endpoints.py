"""What every provider's endpoints must do, with real servers and real requests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from blocks.contracts import (
    Capture,
    Conflict,
    Endpoints,
    Mirror,
    NotFound,
    Phase,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd
from blocks.testing.deploying import KEY, ROW, bounded, busy, up_to
from blocks.testing.waiting import NEVER, until

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


def blue_is_live(bench: Bench, endpoints: Endpoints, **serving: Any) -> VariantRequest:
    """Deploy blue and give it everything."""
    request = bench.variant_request(variant="blue")
    request = request.model_copy(update={"serving": Serving(**serving)})
    up_to(bench, endpoints, request)
    give(endpoints, request.endpoint, blue=100)
    return request


def give(endpoints: Endpoints, endpoint: str, **percent: int) -> Traffic:
    return endpoints.shift(endpoint, Traffic(percent=percent), since=endpoints.traffic(endpoint))


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
        give(endpoints, blue.endpoint, blue=50, green=50)
    assert endpoints.predict(blue.endpoint, ROW).status == 200
    endpoints.retire(blue.endpoint, "green")
    assert [each.name for each in endpoints.variants(blue.endpoint)] == ["blue"]


def test_answers_come_from_the_variants_by_their_shares(bench: Bench, endpoints: Endpoints) -> None:
    """The tolerance is five standard deviations of a binomial: one in two million."""
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    assert endpoints.predict(blue.endpoint, ROW).variant in {"", "blue"}
    if not endpoints.features.weights:
        with pytest.raises(Unsupported):
            give(endpoints, blue.endpoint, blue=75, green=25)
        return
    since = endpoints.traffic(blue.endpoint)
    split = give(endpoints, blue.endpoint, blue=75, green=25)
    assert split == endpoints.traffic(blue.endpoint)
    assert split.etag != since.etag
    answers = Counter(
        endpoints.predict(blue.endpoint, ROW).body["predictions"][0] for _ in range(400)
    )
    assert set(answers) == {1.0, 0.25}
    assert abs(answers[0.25] - 100) <= 5 * math.sqrt(400 * 0.25 * 0.75)
    give(endpoints, blue.endpoint, green=100)
    assert {endpoints.predict(blue.endpoint, ROW).body["predictions"][0] for _ in range(20)} == {
        0.25
    }


def test_a_split_that_changed_meanwhile_is_not_overwritten(
    bench: Bench, endpoints: Endpoints
) -> None:
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    stale = endpoints.traffic(blue.endpoint)
    give(endpoints, blue.endpoint, green=100)
    with pytest.raises(Conflict):
        endpoints.shift(blue.endpoint, Traffic(percent={"blue": 100}), since=stale)
    assert dict(endpoints.traffic(blue.endpoint).percent) == {"green": 100}


def test_of_many_that_shift_at_once_exactly_one_wins(bench: Bench, endpoints: Endpoints) -> None:
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    since = endpoints.traffic(blue.endpoint)
    splits = [Traffic(percent={"green": 100}), Traffic(percent={"blue": 100})] * 2
    if endpoints.features.weights:
        splits = [Traffic(percent={"blue": 100 - n, "green": n}) for n in (10, 20, 30, 40)]
    calls = [((blue.endpoint, split), {"since": since}) for split in splits]
    with crowd(endpoints, "shift", calls) as strangers:
        told = [each.told() for each in strangers]
    won = [answer for answer in told if isinstance(answer, Traffic)]
    assert len(won) == 1, told
    assert {type(answer) for answer in told} == {Traffic, Conflict}, told
    assert endpoints.traffic(blue.endpoint) == won[0]


def test_only_what_is_ready_gets_traffic(bench: Bench, endpoints: Endpoints) -> None:
    blue = blue_is_live(bench, endpoints)
    with pytest.raises(Conflict, match="green"):
        give(endpoints, blue.endpoint, green=100)
    endpoints.deploy(bench.variant_request(kind="unloadable", variant="green"), key=KEY)
    with pytest.raises(Conflict, match="green"):
        give(endpoints, blue.endpoint, green=100)
    assert dict(endpoints.traffic(blue.endpoint).percent) == {"blue": 100}


def test_a_variant_is_retired_once_it_has_no_traffic(bench: Bench, endpoints: Endpoints) -> None:
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    with pytest.raises(Conflict, match="blue"):
        endpoints.retire(blue.endpoint, "blue")
    assert endpoints.predict(blue.endpoint, ROW).status == 200
    give(endpoints, blue.endpoint, green=100)
    for _ in range(2):
        endpoints.retire(blue.endpoint, "blue")
    assert [each.name for each in endpoints.variants(blue.endpoint)] == ["green"]
    until(lambda: not any("/blue" in name for name in bench.running()))
    assert endpoints.predict(blue.endpoint, ROW).status == 200


def test_a_server_that_dies_is_replaced(bench: Bench, endpoints: Endpoints) -> None:
    blue = bench.variant_request(variant="blue")
    ref = up_to(bench, endpoints, blue)
    give(endpoints, blue.endpoint, blue=100)
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


def test_a_mirror_gets_copies_whose_answers_nobody_sees(bench: Bench, endpoints: Endpoints) -> None:
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="broken", variant="green"))
    most = endpoints.features.mirror_at_most
    to = Traffic(percent={"blue": 100}, mirror=Mirror(variant="green", percent=most))
    since = endpoints.traffic(blue.endpoint)
    if not endpoints.features.mirror:
        with pytest.raises(Unsupported):
            endpoints.shift(blue.endpoint, to, since=since)
        return
    assert endpoints.shift(blue.endpoint, to, since=since).mirror == to.mirror
    for _ in range(50):
        answer = endpoints.predict(blue.endpoint, ROW)
        assert (answer.status, answer.body["predictions"]) == (200, [1.0])
    with pytest.raises(Conflict):
        endpoints.retire(blue.endpoint, "green")


def test_a_user_stays_on_one_variant(bench: Bench, endpoints: Endpoints) -> None:
    serving = Serving(user_header="x-user")
    names = ("blue", "green")
    requests = [
        bench.variant_request(kind=kind, variant=name).model_copy(update={"serving": serving})
        for kind, name in zip(("threshold", "constant"), names, strict=True)
    ]
    if not endpoints.features.sticky:
        with pytest.raises(Unsupported):
            endpoints.deploy(requests[0], key=KEY)
        return
    for request in requests:
        up_to(bench, endpoints, request)
    endpoint = requests[0].endpoint
    give(endpoints, endpoint, blue=50, green=50)
    url = f"{endpoints.variants(endpoint)[0].url}/invocations"
    seen: dict[str, set[float]] = {}
    with httpx.Client(timeout=NEVER) as client:
        for number in range(150):
            user = f"user-{number % 30}"
            answer = client.post(url, json=ROW, headers={"x-user": user})
            seen.setdefault(user, set()).add(answer.json()["predictions"][0])
    assert {len(answers) for answers in seen.values()} == {1}
    assert set.union(*seen.values()) == {1.0, 0.25}


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


def test_a_split_or_a_mirror_that_is_not_on_offer_is_refused(
    bench: Bench, changed: Change, endpoints: Endpoints
) -> None:
    blue, since = bench.variant_request(variant="blue").endpoint, Traffic(percent={})
    with pytest.raises(Unsupported, match="all at once"):
        changed(weights=False).shift(blue, Traffic(percent={"a": 50, "b": 50}), since=since)
    mirror = Traffic(percent={"a": 100}, mirror=Mirror(variant="b", percent=10))
    with pytest.raises(Unsupported, match="mirrored"):
        changed(mirror=False).shift(blue, mirror, since=since)
    with pytest.raises(Unsupported, match="at most 9 %"):
        changed(mirror=True, mirror_at_most=9).shift(blue, mirror, since=since)


def test_it_grows_under_load_or_is_not_asked_to(bench: Bench, endpoints: Endpoints) -> None:
    request = bounded(bench)
    if not endpoints.features.autoscaling:
        with pytest.raises(Unsupported):
            endpoints.deploy(request, key=KEY)
        return
    up_to(bench, endpoints, request)
    give(endpoints, request.endpoint, blue=100)
    [variant] = endpoints.variants(request.endpoint)
    assert variant.ready_replicas == 1
    with busy(endpoints):
        until(lambda: endpoints.variants(request.endpoint)[0].ready_replicas == 2)
