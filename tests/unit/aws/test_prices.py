"""AWS's own price list is asked where that is allowed, and understood as AWS writes it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from blocks.contracts import Denied, Price
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.bench import KEY
from blocks.providers.aws.cost import AwsPrices
from blocks.providers.aws.ec2.cost import Ec2Prices
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.price_list import SOURCE, from_get_products

TODAY = date(2026, 5, 1)


def product(*prices: str, unit: str = "Hrs", currency: str = "USD") -> str:
    """Return an entry of the list as AWS writes it: terms and rates under codes of theirs."""
    rates = {
        f"JRTC.6YS6.{number}": {"unit": unit, "pricePerUnit": {currency: price}}
        for number, price in enumerate(prices)
    }
    terms = {"OnDemand": {"SKU.JRTC": {"priceDimensions": rates}}, "Reserved": {"ignored": {}}}
    return json.dumps({"product": {"attributes": {}}, "terms": terms})


def told(*products: str) -> Price | None:
    return from_get_products("ml.m5.large", products, TODAY)


def test_a_price_is_read_with_its_source_and_its_day() -> None:
    assert told(product("0.1150000000")) == Price(
        machine="ml.m5.large",
        per_hour=Decimal("0.115"),
        currency="USD",
        spot=False,
        source=SOURCE,
        as_of=TODAY,
    )


def test_of_more_prices_the_dearest_counts() -> None:
    found = told(product("0.115"), product("0.0", "0.134"))
    assert found is not None
    assert found.per_hour == Decimal("0.134")


@pytest.mark.parametrize(
    "products",
    [
        (),
        (product("0.0000000000"),),
        (product("5", unit="Quantity"),),
        (product("5", currency="CNY"),),
        (json.dumps({"product": {}, "terms": {}}),),
    ],
)
def test_what_is_not_a_price_by_the_hour_is_unknown_and_never_zero(products: tuple[str]) -> None:
    assert told(*products) is None


def test_the_list_is_asked_only_where_that_is_allowed(
    account: AwsAccount, emulator: Account
) -> None:
    shipped = AwsPrices(account=account, ask=False).price("ml.m5.large")
    assert shipped is not None
    assert shipped.source != SOURCE
    assert emulator.calls("pricing:GetProducts") == []
    prices = AwsPrices(account=account, ask=True)
    for _ in range(3):
        asked = prices.price("ml.m5.large")
        assert asked is not None
        assert asked.source == SOURCE
    assert len(emulator.calls("pricing:GetProducts")) == 1
    emulator.pull("policy", key=KEY, actions=[])
    with pytest.raises(Denied, match="pricing:GetProducts"):
        AwsPrices(account=account, ask=True).price("ml.m5.large")


def test_a_book_of_your_own_comes_before_the_list(
    account: AwsAccount, emulator: Account, tmp_path: Path
) -> None:
    book: dict[str, Any] = {
        "currency": "USD",
        "machines": {"ml.m5.large": {"on_demand": "0.05"}},
        "source": "our contract",
        "as_of": "2026-01-01",
    }
    (tmp_path / "book.json").write_text(json.dumps(book))
    found = AwsPrices(account=account, ask=True, book=tmp_path / "book.json").price("ml.m5.large")
    assert found is not None
    assert found.source == "our contract"
    assert emulator.calls("pricing:GetProducts") == []


def test_spot_of_ec2_costs_what_the_dearest_zone_asks_for(account: AwsAccount) -> None:
    prices = Ec2Prices(account=account)
    listed, spot = prices.price("m5.large"), prices.price("m5.large", spot=True)
    assert listed is not None
    assert spot is not None
    assert spot.spot
    zones = account.client("ec2").describe_spot_price_history(InstanceTypes=["m5.large"])
    asked = {
        each["AvailabilityZone"]: Decimal(each["SpotPrice"]) for each in zones["SpotPriceHistory"]
    }
    assert len(set(asked.values())) == 3
    assert spot.per_hour == max(asked.values()) < listed.per_hour
    for zone, price in asked.items():
        there = prices.price("m5.large", spot=True, zone=zone)
        assert there is not None
        assert (there.per_hour, there.zone) == (price, zone)
    assert prices.price("m5.large", spot=True, zone="us-east-1z") is None
