"""Variants with bounds, where another service than the endpoint's scales them."""

from __future__ import annotations

import pytest

from blocks.contracts import Endpoints, Inventory, Phase, ProviderError
from blocks.emulation.launch import Emulator
from blocks.testing.bench import Bench
from blocks.testing.deploying import KEY, bounded, give, sizes_under_load, up_to
from blocks.testing.waiting import until
from blocks.testing.words import EndpointWords

CONTRACT = Endpoints


@pytest.fixture
def endpoints(bench: Bench, words: EndpointWords) -> Endpoints:
    if not words.scaling:
        pytest.skip("variants scale themselves here")
    return bench.connect(Endpoints)


def test_a_variant_grows_to_its_upper_bound_and_shrinks_to_its_lower(
    bench: Bench, endpoints: Endpoints, emulator: Emulator
) -> None:
    up_to(bench, endpoints, bounded(bench))
    give(endpoints, blue=100)
    # it shrinks after minutes without much to do
    sizes = sizes_under_load(endpoints, then=lambda: emulator.pull("speed", speed=200))
    assert set(sizes) == {1, 2}


def test_what_scales_a_variant_goes_with_it(bench: Bench, endpoints: Endpoints) -> None:
    up_to(bench, endpoints, bounded(bench))
    up_to(bench, endpoints, bounded(bench, "green", most=3))
    assert bench.scaled("bench") == {"blue": (1, 2), "green": (1, 3)}
    give(endpoints, green=100)
    endpoints.retire("bench", "blue")

    def alone() -> bool:
        names = [each.name for each in endpoints.variants("bench")]  # a look that goes on with it
        return names == ["green"] and bench.scaled("bench") == {"green": (1, 3)}

    until(alone)
    up_to(bench, endpoints, bounded(bench, most=4), key=KEY.next())
    assert bench.scaled("bench") == {"blue": (1, 4), "green": (1, 3)}
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert bench.scaled("bench") == {}
    assert list(inventory.owned()) == []


def test_replies_that_are_lost_leave_a_variant_scaled_once(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    for call in words.scaling:
        emulator.fault("lost-reply", call=call, times=2)
    ref = endpoints.deploy(bounded(bench), key=KEY)

    def ready() -> bool:
        try:
            return endpoints.status(ref).phase is Phase.SUCCEEDED
        except ProviderError as error:
            assert error.retryable
            return False

    until(ready)
    assert bench.scaled("bench") == {"blue": (1, 2)}
    assert emulator.pull("faults") == []


def test_a_variant_of_one_size_is_not_scaled(
    bench: Bench, endpoints: Endpoints, emulator: Emulator, words: EndpointWords
) -> None:
    up_to(bench, endpoints, bench.variant_request())
    assert bench.scaled("bench") == {}
    assert [each for call in words.scaling for each in emulator.calls(call)] == []
