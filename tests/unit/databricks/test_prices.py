"""A machine costs what the cloud and Databricks bill for it together."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from blocks.contracts import InvalidRequest
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.cost import DatabricksPrices

AWS, AZURE = DatabricksWorkspace(cloud="aws"), DatabricksWorkspace(cloud="azure")


def hourly(prices: DatabricksPrices, machine: str, *, spot: bool = False) -> Decimal | None:
    price = prices.price(machine, spot=spot)
    return None if price is None else price.per_hour


def test_machine_and_dbus_are_one_price() -> None:
    prices = DatabricksPrices(account=AWS)
    assert hourly(prices, "m5.xlarge") == Decimal("0.192") + Decimal("0.69") * Decimal("0.15")
    assert hourly(prices, "m5.xlarge", spot=True) == Decimal("0.0768") + Decimal("0.1035")
    assert hourly(prices, "CPU", spot=True) is None


def test_what_is_paid_for_a_dbu_can_be_said() -> None:
    prices = DatabricksPrices(account=AWS, dbu_rate=Decimal("0.10"))
    assert hourly(prices, "i3.xlarge") == Decimal("0.312") + Decimal("0.10")


def test_the_shipped_prices_are_of_one_cloud(tmp_path: Path) -> None:
    assert hourly(DatabricksPrices(account=AZURE), "m5.xlarge") is None
    book = tmp_path / "book.json"
    rates = {"Standard_DS3_v2": {"dbu": "0.75", "on_demand": "0.229"}}
    told = {"currency": "USD", "dbu_rate": "0.3", "machines": rates, "source": "x"}
    book.write_text(json.dumps({**told, "as_of": "2026-11-25"}))
    prices = DatabricksPrices(account=AZURE, book=book)
    assert hourly(prices, "Standard_DS3_v2") == Decimal("0.454")
    book.write_text("{}")
    with pytest.raises(InvalidRequest, match="price book"):
        prices.price("Standard_DS3_v2")
