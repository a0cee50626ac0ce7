"""Platforms whose capabilities come from several providers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from blocks.platform import Platform
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.functions.cost import LambdaPrices
from flows.inventories import inventories
from flows.rehearsal import platform_of


def test_what_a_provider_does_not_do_is_rehearsed_with_the_one_beside_it() -> None:
    """A training job of EC2 reads its data from S3: a store of this machine would not do."""
    platform = platform_of("aws-ec2")
    assert (platform.training, platform.inventory) == ("aws-ec2-training", "aws-ec2-inventory")
    assert (platform.store, platform.endpoints) == ("aws-store", "aws-endpoints")
    assert platform_of("local").store == "local-store"


def test_all_that_computes_for_a_platform_is_listed_whoever_offers_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("BLUEWATER_AWS_BUCKET", "bucket")
    platform = Platform(name="mixed", training="aws-ec2-training", endpoints="aws-endpoints")
    found, unseen = inventories(platform)
    assert [*found] == ["local-inventory", "aws-ec2-inventory", "aws-inventory"]
    assert unseen == []


@pytest.mark.parametrize(
    ("machine", "per_hour"),
    [
        ("lambda-1024", Decimal("0.06")),
        ("lambda-512", Decimal("0.03")),
        ("ml.m5.large", Decimal("0.115")),
    ],
)
def test_memory_is_priced_evenly_and_other_machines_as_elsewhere(
    machine: str, per_hour: Decimal
) -> None:
    price = LambdaPrices(account=AwsAccount(region="us-east-1")).price(machine)
    assert price is not None
    assert (price.machine, price.per_hour) == (machine, per_hour)


def test_memory_of_an_unknown_region_has_no_price() -> None:
    assert LambdaPrices(account=AwsAccount(region="eu-central-1")).price("lambda-1024") is None
