"""AWS's own price list: what a machine costs on demand, in a region, today."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from blocks.contracts import Price
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.lookup import READS

REGION = "us-east-1"  # the list of all regions is asked there
SOURCE = "AWS Price List API"
_SAGEMAKER = "ml."  # begins the names of its machines


def to_get_products(machine: str, region: str) -> dict[str, Any]:
    """Return the question for one machine: SageMaker's for training, EC2's with plain Linux."""
    wanted = {"regionCode": region}
    if machine.startswith(_SAGEMAKER):
        service = "AmazonSageMaker"
        wanted |= {"instanceName": machine, "platoinstancetype": "Training"}
    else:
        service = "AmazonEC2"
        wanted |= {
            "instanceType": machine,
            "operatingSystem": "Linux",
            "preInstalledSw": "NA",
            "tenancy": "Shared",
            "capacitystatus": "Used",
        }
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": each} for key, each in wanted.items()]
    return {"ServiceCode": service, "FormatVersion": "aws_v1", "Filters": filters}


def from_get_products(machine: str, products: Sequence[str], today: date) -> Price | None:
    """Return the price by the hour in an answer; None if the machine is not in it.

    Where a machine is listed more than once, the dearest counts: a plan must not promise too much.
    """
    found = [
        Decimal(dimension["pricePerUnit"]["USD"])
        for product in map(json.loads, products)
        for term in product["terms"].get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
        if dimension["unit"] in ("Hrs", "Hour") and "USD" in dimension["pricePerUnit"]
    ]
    if not any(found):
        return None
    return Price(
        machine=machine,
        per_hour=max(found),
        currency="USD",
        spot=False,
        source=SOURCE,
        as_of=today,
    )


class PriceList:
    """Asks the list, once for each machine."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account
        self._known: dict[str, Price | None] = {}

    def on_demand(self, machine: str) -> Price | None:
        """Return what a machine costs by the hour, or None if AWS does not list it."""
        if machine not in self._known:
            client = self._account.client("pricing", attempts=READS, region=REGION)
            pages = client.get_paginator("get_products").paginate(
                **to_get_products(machine, self._account.region)
            )
            products = [each for page in pages for each in page["PriceList"]]
            today = datetime.now(UTC).date()
            self._known[machine] = from_get_products(machine, products, today)
        return self._known[machine]
