"""Endpoints when the cloud, or a process, fails in the middle, in each cloud's own words."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import Any

import pytest

from blocks.contracts import (
    Conflict,
    Denied,
    Endpoints,
    Inventory,
    Phase,
    Throttled,
    Traffic,
    Unavailable,
)
from blocks.emulation.launch import Emulator
from blocks.testing.bench import Bench
from blocks.testing.crowd import stranger
from blocks.testing.deploying import KEY, ROW, again, give, up
from blocks.testing.waiting import until
from blocks.testing.words import EndpointWords, Failing

CONTRACT = Endpoints


@pytest.fixture
def endpoints(bench: Bench) -> Endpoints:
    return bench.connect(Endpoints)


def left(bench: Bench) -> list[str]:
    """Return every thing of the owner that serves, or was made to."""
    kinds = ("training-job", "batch-job")
    return [each.id for each in bench.connect(Inventory).owned() if each.kind not in kinds]


def test_replies_that_are_lost_make_nothing_twice(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    bench.variant_request(variant="blue")  # its model is kept before the network is bad
    for call in words.makes:
        emulator.fault("lost-reply", call=call)
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    up(bench, endpoints, "green", "constant")
    assert bench.created("endpoints") == 2
    give(endpoints, blue=100)
    emulator.fault("lost-reply", call=words.move)
    with suppress(Unavailable):  # it is written down all the same
        give(endpoints, green=100)
    assert dict(endpoints.traffic("bench").percent) == {"green": 100}


def test_an_endpoint_that_is_not_seen_yet_is_not_made_twice(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    emulator.fault("stale-read", call=words.look, times=3)
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 1
    for call in words.makes:
        assert sum(each["status"] < 300 for each in emulator.calls(call)) == 1, call


def test_a_clear_no_is_told_and_leaves_nothing_wanted(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    for variant, refused in zip(("blue", "green"), words.refused, strict=True):
        emulator.fault(refused.fault, call=words.first)
        with pytest.raises(refused.kind) as caught:
            endpoints.deploy(bench.variant_request(variant=variant), key=KEY)
        assert caught.value.code == refused.code
        assert list(endpoints.variants("bench")) == []
        assert list(bench.running()) == []


def test_a_no_takes_down_nothing_that_serves(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    """Whoever takes a rollout up asks again for what is up, perhaps with rights that ended."""
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    emulator.fault("access-denied", call=words.look, times=50)
    with pytest.raises(Denied):
        endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    emulator.pull("calm")
    assert [each.name for each in endpoints.variants("bench")] == ["blue"]
    assert dict(endpoints.traffic("bench").percent) == {"blue": 100}
    assert endpoints.predict("bench", ROW).status == 200


def test_a_call_too_many_is_made_again_by_the_next_look(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    emulator.fault("throttling", call=words.first)
    request = bench.variant_request(variant="blue")
    with pytest.raises(Throttled):
        endpoints.deploy(request, key=KEY)
    bench.settle(ref := endpoints.deploy(request, key=KEY))
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    emulator.fault("stale-read", call=words.look)
    again(lambda: endpoints.deploy(request, key=KEY))
    assert bench.created("endpoints") == 1


def test_what_is_stuck_is_waited_for(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    emulator.fault(words.stuck)
    ref = endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    assert not endpoints.status(ref).phase.done
    with pytest.raises(Conflict, match="blue"):
        give(endpoints, blue=100)
    emulator.advance(3600)
    bench.settle(ref)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


def test_what_could_not_be_deployed_makes_room_for_the_next(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, failing: Failing
) -> None:
    emulator.fault(failing.fault)
    failed = endpoints.status(up(bench, endpoints, "blue"))
    assert failed.phase is Phase.FAILED
    assert failed.failure is not None
    assert failing.says in failed.failure.message
    assert endpoints.status(up(bench, endpoints, "green")).phase is Phase.SUCCEEDED
    endpoints.retire("bench", "blue")
    assert [each.name for each in endpoints.variants("bench")] == ["green"]
    give(endpoints, green=100)
    assert endpoints.predict("bench", ROW).status == 200


def test_traffic_that_somebody_moved_by_hand_is_not_overwritten(
    bench: Bench, endpoints: Endpoints, words: EndpointWords
) -> None:
    if not words.by_hand:
        pytest.skip("what is written down counts here, whatever is done by hand")
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    since = give(endpoints, blue=100)
    bench.move_by_hand("bench", "green")
    until(lambda: dict(endpoints.traffic("bench").percent) == {"green": 100})
    assert [each.name for each in endpoints.variants("bench")] == ["blue", "green"]
    with pytest.raises(Conflict, match="moved meanwhile"):
        endpoints.shift("bench", Traffic(percent={"blue": 50, "green": 50}), since=since)
    assert dict(endpoints.traffic("bench").percent) == {"green": 100}


def test_whoever_dies_while_it_deploys_the_next_one_goes_on(
    bench: Bench, endpoints: Endpoints, words: EndpointWords
) -> None:
    moments, request = random.Random(3), bench.variant_request(variant="blue")
    for _ in range(4):
        dying = stranger(endpoints, "deploy", request, key=KEY)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.4))
        dying.kill()
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 1


def test_whoever_dies_while_it_moves_traffic_leaves_it_at_what_was_asked_for(
    bench: Bench, endpoints: Endpoints, words: EndpointWords
) -> None:
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    give(endpoints, blue=100)
    moments, asked = random.Random(5), [{"blue": 100}]
    for number in range(6):
        share, since = 10 + number, endpoints.traffic("bench")
        asked.append({"blue": 100 - share, "green": share})
        dying = stranger(endpoints, "shift", "bench", Traffic(percent=asked[-1]), since=since)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.3))
        dying.kill()
        old_or_new = [dict(since.percent), asked[-1]]
        allowed = asked if words.moves_later else old_or_new
        assert dict(endpoints.traffic("bench").percent) in allowed
    until(lambda: _moved(endpoints))
    assert dict(endpoints.traffic("bench").percent) == {"green": 100}


def _moved(endpoints: Endpoints) -> bool:
    """Move all traffic to green; False if what the last of the dead wrote came in between."""
    try:
        give(endpoints, green=100)
    except Conflict:
        return False
    return True


def test_nothing_is_left_of_an_endpoint_that_is_taken_down(
    bench: Bench, endpoints: Any, words: EndpointWords
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    for _ in range(2):
        endpoints.take_down("bench")
    until(lambda: list(endpoints.variants("bench")) == [] and left(bench) == [])
    assert list(bench.running()) == []
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
