"""AWS's price list as an emulated account tells it: the shipped book, and EC2 a sixth cheaper."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from blocks.price_book import PriceBook, read_book
from blocks.providers.aws.emulator.pages import page
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

BOOK = Path(__file__).parents[1] / "prices.json"
_SURCHARGE = Decimal("1.2")  # of SageMaker's machines, about
_SERVICES = ("AmazonSageMaker", "AmazonEC2")
_PLAIN = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
}


class PriceListing:
    """GetProducts."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {"GetProducts": self.products}

    def products(self, asked: Answer) -> Answer:
        """List what fits the filters; every one has to."""
        service = asked["ServiceCode"]
        if service not in _SERVICES:
            raise AwsError("UnknownOperationException", f"not emulated: prices of {service}", 501)
        book = read_book(BOOK, example=BOOK)
        wanted = {each["Field"]: each["Value"] for each in asked.get("Filters", [])}
        found = [
            json.dumps(product)
            for product in self._all(service, book)
            if wanted.items() <= product["product"]["attributes"].items()
        ]
        some, token = page(found, asked)
        return {"FormatVersion": "aws_v1", "PriceList": list(some), "NextToken": token}

    def _all(self, service: str, book: PriceBook) -> list[Answer]:
        place = {"regionCode": self._world.region}
        if service == "AmazonEC2":
            return [
                _product({**place, **_PLAIN, "instanceType": machine}, price)
                for machine, price in on_ec2(book).items()
            ]
        return [
            _product({**place, "platoinstancetype": "Training", "instanceName": machine}, price)
            for machine, price in ((name, each.on_demand) for name, each in book.machines.items())
        ]


def on_ec2(book: PriceBook) -> Mapping[str, Decimal]:
    """Return what the same machines cost on EC2, and those that succeed them as much."""
    listed = {
        name.removeprefix("ml."): round(each.on_demand / _SURCHARGE, 4)
        for name, each in book.machines.items()
    }
    successors = {name.replace("m5.", f"m{number}i."): name for name in listed for number in (6, 7)}
    return {**{name: listed[elder] for name, elder in successors.items()}, **listed}


def _product(attributes: Mapping[str, str], price: Decimal) -> Answer:
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": str(price)}}
    return {
        "product": {"attributes": dict(attributes)},
        "terms": {"OnDemand": {"term": {"priceDimensions": {"rate": dimension}}}},
    }
