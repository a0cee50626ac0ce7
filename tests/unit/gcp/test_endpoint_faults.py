"""Endpoints of Vertex AI, where they are not like those of other clouds."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient

from blocks.contracts import (
    Endpoints,
    Phase,
    Traffic,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.testing.deploying import KEY, give, up
from blocks.testing.waiting import until


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def left(account: GcpAccount) -> list[str]:
    """Return every endpoint and model there is."""
    there = account.client(EndpointServiceClient).list_endpoints(parent=account.parent)
    models = account.client(ModelServiceClient).list_models(parent=account.parent)
    return [each.name for each in there] + [each.name for each in models]


def test_a_second_deployment_waits_for_the_first(
    bench: Any, endpoints: Endpoints, emulator: Project
) -> None:
    """Vertex AI makes one change to an endpoint at a time."""
    emulator.fault("stuck-deploying")
    endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    green = endpoints.deploy(bench.variant_request(kind="constant", variant="green"), key=KEY)
    assert endpoints.status(green).phase is Phase.QUEUED
    emulator.advance(3600)
    bench.settle(green)
    assert endpoints.status(green).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 2


def test_a_variant_that_is_retired_while_it_is_deployed_leaves_nothing(
    bench: Any, endpoints: Endpoints, emulator: Project, account: GcpAccount
) -> None:
    emulator.fault("stuck-deploying")
    ref = endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    endpoints.retire("bench", "blue")
    assert list(endpoints.variants("bench")) == []
    assert endpoints.status(ref).phase is Phase.CANCELLED
    until(lambda: list(endpoints.variants("bench")) == [] and left(account) == [])
    assert bench.running() == []


def test_a_deployment_between_reading_and_moving_does_not_stop_the_move(
    bench: Any, endpoints: Endpoints
) -> None:
    """Vertex AI's own etag has moved then; the traffic has not."""
    up(bench, endpoints, "blue")
    since = give(endpoints, blue=100)
    up(bench, endpoints, "green", "constant")
    split = endpoints.shift("bench", Traffic(percent={"blue": 90, "green": 10}), since=since)
    assert dict(split.percent) == {"blue": 90, "green": 10}
