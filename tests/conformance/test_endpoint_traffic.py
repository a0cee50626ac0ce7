"""Which variant of an endpoint gets a request, whatever the provider."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from blocks.contracts import (
    Conflict,
    Endpoints,
    Mirror,
    Serving,
    Traffic,
    Unsupported,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd
from blocks.testing.deploying import KEY, ROW, blue_is_live, give, up_to
from blocks.testing.waiting import NEVER

CONTRACT = Endpoints

Change = Callable[..., Endpoints]


@pytest.fixture
def endpoints(bench: Bench) -> Endpoints:
    return bench.connect(Endpoints)


def test_answers_come_from_the_variants_by_their_shares(bench: Bench, endpoints: Endpoints) -> None:
    """The tolerance is five standard deviations of a binomial: one in two million."""
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    assert endpoints.predict(blue.endpoint, ROW).variant in {"", "blue"}
    if not endpoints.features.weights:
        with pytest.raises(Unsupported):
            give(endpoints, blue=75, green=25)
        return
    since = endpoints.traffic(blue.endpoint)
    split = give(endpoints, blue=75, green=25)
    assert split == endpoints.traffic(blue.endpoint)
    assert split.etag != since.etag
    answers = Counter(
        endpoints.predict(blue.endpoint, ROW).body["predictions"][0] for _ in range(400)
    )
    assert set(answers) == {1.0, 0.25}
    assert abs(answers[0.25] - 100) <= 5 * math.sqrt(400 * 0.25 * 0.75)
    give(endpoints, green=100)
    assert {endpoints.predict(blue.endpoint, ROW).body["predictions"][0] for _ in range(20)} == {
        0.25
    }


def test_a_split_that_changed_meanwhile_is_not_overwritten(
    bench: Bench, endpoints: Endpoints
) -> None:
    blue = blue_is_live(bench, endpoints)
    up_to(bench, endpoints, bench.variant_request(kind="constant", variant="green"))
    stale = endpoints.traffic(blue.endpoint)
    give(endpoints, green=100)
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
        give(endpoints, green=100)
    endpoints.deploy(bench.variant_request(kind="unloadable", variant="green"), key=KEY)
    with pytest.raises(Conflict, match="green"):
        give(endpoints, green=100)
    assert dict(endpoints.traffic(blue.endpoint).percent) == {"blue": 100}


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
    give(endpoints, blue=50, green=50)
    url = f"{endpoints.variants(endpoint)[0].url}/invocations"
    seen: dict[str, set[float]] = {}
    with httpx.Client(timeout=NEVER) as client:
        for number in range(150):
            user = f"user-{number % 30}"
            answer = client.post(url, json=ROW, headers={"x-user": user})
            seen.setdefault(user, set()).add(answer.json()["predictions"][0])
    assert {len(answers) for answers in seen.values()} == {1}
    assert set.union(*seen.values()) == {1.0, 0.25}


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
