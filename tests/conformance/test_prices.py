"""What every provider's prices must do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from blocks.contracts import Basis, Prices, Usage
from blocks.testing.bench import Bench

CONTRACT = Prices


@pytest.fixture
def prices(bench: Bench) -> Prices:
    return bench.connect(Prices)


@pytest.fixture
def machine(bench: Bench) -> str:
    """Return a machine that trains, or, where nothing does, one that serves."""
    try:
        return bench.training_request().machine
    except NotImplementedError:
        return bench.variant_request().machine


def test_a_price_says_where_and_when_it_was_read(prices: Prices, machine: str) -> None:
    price = prices.price(machine)
    assert price is not None
    assert price.machine == machine
    assert price.per_hour > 0
    assert len(price.currency) == 3
    assert not price.spot
    assert price.source
    assert price.as_of.year >= 2000


def test_spot_is_priced_apart(prices: Prices, machine: str) -> None:
    on_demand, spot = prices.price(machine), prices.price(machine, spot=True)
    assert on_demand is not None
    assert spot is None or (spot.spot and spot.per_hour != on_demand.per_hour)


def test_an_unknown_machine_has_no_price_and_no_cost(prices: Prices) -> None:
    """Unknown is None: a zero would let a budget pass."""
    assert prices.price("no-such-machine") is None
    assert prices.price("no-such-machine", spot=True) is None
    assert prices.cost(Usage(machine="no-such-machine", seconds=10, billed_seconds=10)) is None


def test_cost_is_metered_time_at_the_hourly_price(prices: Prices, machine: str) -> None:
    price = prices.price(machine)
    cost = prices.cost(Usage(machine=machine, seconds=9999, billed_seconds=5400))
    assert price is not None
    assert cost is not None
    assert cost.amount == price.per_hour * Decimal("1.5")
    assert cost.currency == price.currency
    assert cost.basis in (Basis.METERED, Basis.BILLED)


def test_spot_time_costs_the_spot_price(prices: Prices, machine: str) -> None:
    price = prices.price(machine, spot=True)
    cost = prices.cost(Usage(machine=machine, seconds=7200, billed_seconds=3600, spot=True))
    assert (cost is None) == (price is None)
    if cost is not None and price is not None:
        assert cost.amount == price.per_hour


def test_a_discount_in_seconds_is_none_in_price(prices: Prices, machine: str) -> None:
    """Some clouds bill a part of the spot time, at the price on demand; never both discounts."""
    used = Usage(machine=machine, seconds=7200, spot=True, discounted=True)
    on_demand, spot = prices.price(machine), prices.price(machine, spot=True)
    billed = prices.cost(used.model_copy(update={"billed_seconds": 1800}))
    assert on_demand is not None
    assert billed is not None
    assert billed.amount == on_demand.per_hour / 2
    estimated = prices.cost(used)
    assert (estimated is None) == (spot is None)
    if estimated is not None and spot is not None:
        assert estimated.amount == spot.per_hour * 2
        assert estimated.basis is Basis.ESTIMATED


def test_time_that_nobody_metered_is_an_estimate(prices: Prices, machine: str) -> None:
    cost = prices.cost(Usage(machine=machine, seconds=60))
    assert cost is not None
    assert cost.basis is Basis.ESTIMATED


def test_no_time_costs_nothing(prices: Prices, machine: str) -> None:
    cost = prices.cost(Usage(machine=machine, seconds=0, billed_seconds=0))
    assert cost is not None
    assert cost.amount == 0


def test_money_is_exact(prices: Prices, machine: str) -> None:
    """A thousand thousandths are one: amounts are decimals, never floats."""
    whole = prices.cost(Usage(machine=machine, seconds=3600, billed_seconds=3600))
    part = prices.cost(Usage(machine=machine, seconds=3.6, billed_seconds=3.6))
    assert whole is not None
    assert part is not None
    assert isinstance(part.amount, Decimal)
    assert part.amount * 1000 == whole.amount
