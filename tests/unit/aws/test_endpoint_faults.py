"""Endpoints of SageMaker, where they are not like those of other clouds."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import (
    Conflict,
    Endpoints,
    Inventory,
    Mirror,
    Serving,
    Traffic,
    Unsupported,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.deploying import KEY, ROW, give, up


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def left(account: AwsAccount) -> list[str]:
    """Return every endpoint, configuration and model there is."""
    sagemaker, found = account.client("sagemaker"), []
    for noun, member in (("endpoints", "Endpoint"), ("endpoint_configs", "EndpointConfig")):
        pages = sagemaker.get_paginator(f"list_{noun}").paginate()
        found += [each[f"{member}Name"] for page in pages for each in page[f"{member}s"]]
    pages = sagemaker.get_paginator("list_models").paginate()
    return found + [each["ModelName"] for page in pages for each in page["Models"]]


def test_a_change_of_somebody_else_that_is_just_over_is_no_error(
    bench: Any, endpoints: Endpoints, emulator: Account
) -> None:
    """Refused as in progress, and no longer so when one looks: the next look does it."""
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green")
    give(endpoints, blue=100)
    emulator.fault("in-progress", times=1)
    assert dict(give(endpoints, blue=60, green=40).percent) == {"blue": 60, "green": 40}
    refused = [each for each in emulator.calls() if each["status"] == 400]
    assert any("Update" in each["action"] for each in refused)


def test_a_mirror_and_a_third_variant_exclude_each_other(bench: Any, endpoints: Endpoints) -> None:
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    give(endpoints, blue=100)
    copies = Mirror(variant="green", percent=50)
    half = Traffic(percent={"blue": 50, "green": 50}, mirror=copies)
    with pytest.raises(Unsupported, match="one live variant"):
        endpoints.shift("bench", half, since=endpoints.traffic("bench"))
    mirrored = Traffic(percent={"blue": 100}, mirror=copies)
    endpoints.shift("bench", mirrored, since=endpoints.traffic("bench"))
    with pytest.raises(Conflict, match="third"):
        endpoints.deploy(bench.variant_request(kind="same", variant="third"), key=KEY)
    with pytest.raises(Conflict, match="end the mirror"):
        endpoints.predict("bench", ROW, variant="green")
    give(endpoints, blue=90, green=10)
    assert endpoints.predict("bench", ROW, variant="green").body["predictions"] == [0.25]


def test_a_bearer_token_is_asked_for_and_brought(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    bench.keep_secret("caller", "the=word")
    request = bench.variant_request(variant="blue")
    request = request.model_copy(update={"serving": Serving(token_secret="caller")})
    bench.settle(endpoints.deploy(request, key=KEY))
    give(endpoints, blue=100)
    assert endpoints.predict("bench", ROW).status == 200
    runtime = account.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=account.named("bench"), Body=b"{}")
    assert caught.value.response["OriginalStatusCode"] == 401


def test_nothing_of_serving_is_left_once_everything_is_removed(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    """A configuration cannot go while its endpoint still goes down."""
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert left(account) == []
    assert list(inventory.owned()) == []
