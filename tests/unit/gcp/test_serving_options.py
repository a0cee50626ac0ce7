"""What an endpoint of Vertex AI may have besides: spot machines, and a log of its requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.cloud import bigquery
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.oauth2.credentials import Credentials

from blocks.contracts import InvalidRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.endpoint_levers import QUICK
from blocks.providers.gcp.endpoints import VertexEndpoints
from blocks.testing.deploying import KEY, give
from blocks.testing.waiting import until

ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


def test_a_variant_on_spot_comes_back_and_its_requests_are_in_bigquery(
    bench: Any, account: GcpAccount, emulator: Project
) -> None:
    table = f"{emulator.project}.logs.requests"
    endpoints = VertexEndpoints(
        account=account, spot=True, log_requests_to=f"bq://{table}", **QUICK
    )
    bench.settle(ref := endpoints.deploy(bench.variant_request(variant="blue"), key=KEY))
    give(endpoints, blue=100)
    name = f"{account.parent}/endpoints/{account.named('bench')}"
    there = account.client(EndpointServiceClient).get_endpoint(name=name)
    assert [each.dedicated_resources.spot for each in there.deployed_models] == [True]
    bench.reclaim(ref)
    until(lambda: endpoints.predict("bench", ROW).status == 200)
    reader = bigquery.Client(
        project=emulator.project,
        credentials=Credentials("ya29.somebody"),
        client_options={"api_endpoint": emulator.url},
    )
    [row] = reader.list_rows(table)
    assert (row.endpoint, row.deployed_model_id) == (
        name.rpartition("/")[2],
        there.deployed_models[0].id,
    )
    assert json.loads(row.request_payload[0]) == ROW
    assert json.loads(row.response_payload[0])["predictions"]


def test_a_log_in_cloud_storage_is_refused_before_anything_is_made(
    bench: Any, account: GcpAccount
) -> None:
    """Vertex AI has none; what is kept there is captured by our servers."""
    endpoints = VertexEndpoints(account=account, log_requests_to="gs://logs/requests", **QUICK)
    with pytest.raises(InvalidRequest, match=r"bq://.*rollout\.capture") as caught:
        endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    assert caught.value.code == "LOG"
    assert not list(account.client(EndpointServiceClient).list_endpoints(parent=account.parent))
    assert endpoints.variants("bench") == []


def test_nothing_is_on_spot_and_nothing_is_logged_that_was_not_asked_for(
    bench: Any, account: GcpAccount
) -> None:
    endpoints = VertexEndpoints(account=account, **QUICK)
    endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    name = f"{account.parent}/endpoints/{account.named('bench')}"
    there = account.client(EndpointServiceClient).get_endpoint(name=name)
    assert not there.predict_request_response_logging_config.enabled
    bench.settle(endpoints.deploy(bench.variant_request(variant="blue"), key=KEY))
    there = account.client(EndpointServiceClient).get_endpoint(name=name)
    assert not any(each.dedicated_resources.spot for each in there.deployed_models)
