from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from blocks.contracts import InvalidRequest, Usage
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices

BOOK = {
    "currency": "EUR",
    "machines": {"local.small": {"on_demand": "1.5"}, "mine": {"on_demand": "2", "spot": "0.5"}},
    "source": "my electricity bill",
    "as_of": "2026-10-01",
}


@pytest.fixture
def prices(tmp_path: Path) -> LocalPrices:
    return LocalPrices(machine=LocalMachine(workspace=tmp_path))


@pytest.mark.parametrize("machine", ["local.small", "local.medium", "local.large", "local.xlarge"])
def test_the_shipped_book_knows_the_machines(prices: LocalPrices, machine: str) -> None:
    on_demand, spot = prices.price(machine), prices.price(machine, spot=True)
    assert on_demand is not None
    assert spot is not None
    assert 0 < spot.per_hour < on_demand.per_hour


def test_the_owners_book_comes_first(prices: LocalPrices, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text(json.dumps(BOOK))
    mine = prices.price("local.small")
    assert mine is not None
    assert (mine.per_hour, mine.currency) == (Decimal("1.5"), "EUR")
    assert mine.source == "my electricity bill"
    cost = prices.cost(Usage(machine="mine", seconds=1, billed_seconds=1800, spot=True))
    assert cost is not None
    assert (cost.amount, cost.currency) == (Decimal("0.25"), "EUR")
    assert prices.price("local.medium") is not None


def test_a_machine_in_the_owners_book_is_priced_by_that_book_alone(
    prices: LocalPrices, tmp_path: Path
) -> None:
    """No spot price there means none is known: two books, two currencies, must not mix."""
    (tmp_path / "prices.json").write_text(json.dumps(BOOK))
    assert prices.price("local.small", spot=True) is None


def test_a_zone_may_have_a_spot_price_of_its_own(prices: LocalPrices, tmp_path: Path) -> None:
    rates = {"on_demand": "2", "spot": "0.5", "spot_by_zone": {"b": "0.3"}}
    (tmp_path / "prices.json").write_text(json.dumps({**BOOK, "machines": {"mine": rates}}))
    told = [prices.price("mine", spot=True, zone=zone) for zone in ("", "a", "b")]
    assert [price and (price.per_hour, price.zone) for price in told] == [
        (Decimal("0.5"), ""),
        (Decimal("0.5"), ""),
        (Decimal("0.3"), "b"),
    ]
    used = Usage(machine="mine", zone="b", seconds=3600, billed_seconds=3600, spot=True)
    cost = prices.cost(used)
    assert cost is not None
    assert cost.amount == Decimal("0.3")
    on_demand = prices.price("mine", zone="b")
    assert on_demand is not None
    assert on_demand.per_hour == 2


@pytest.mark.parametrize(
    "text", ["", "{}", json.dumps({**BOOK, "machines": {"x": {"on_demand": "-1"}}})]
)
def test_a_book_that_cannot_be_read_is_refused(
    prices: LocalPrices, tmp_path: Path, text: str
) -> None:
    (tmp_path / "prices.json").write_text(text)
    with pytest.raises(InvalidRequest, match=r"prices\.json is no price book"):
        prices.price("local.small")
