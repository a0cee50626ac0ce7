"""Endpoints behind Private Service Connect: no public address, asked at a forwarding rule."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

from blocks.contracts import InvalidRequest, Phase, Traffic, Unavailable
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.endpoint_levers import QUICK
from blocks.providers.gcp.endpoints import VertexEndpoints
from blocks.providers.gcp.private_endpoints import Private
from blocks.testing.waiting import until
from tests.unit.exercises import ROW, RUN

NETWORK = "projects/rehearsal-project/global/networks/ml"


def serving(account: GcpAccount, private: Private) -> VertexEndpoints:
    return VertexEndpoints(account=account.model_copy(), private=private, **QUICK)


def served(bench: Any, endpoints: VertexEndpoints) -> tuple[str, str]:
    """Serve a variant with all traffic; return the endpoint's name, and the variant's URL."""
    request = bench.variant_request()
    ref = endpoints.deploy(request, key=RUN)
    until(lambda: endpoints.status(ref).phase.done)
    status = endpoints.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    name = request.endpoint
    endpoints.shift(name, Traffic(percent={"blue": 100}), since=endpoints.traffic(name))
    assert status.result is not None
    return name, status.result.url


def test_a_private_endpoint_is_asked_at_the_rule_that_is_named_and_nowhere_else(
    bench: Any, account: GcpAccount, emulator: Project
) -> None:
    unknown = serving(account, Private(projects=("rehearsal-project", "other-project")))
    name, url = served(bench, unknown)
    [made] = account.client(EndpointServiceClient).list_endpoints(parent=account.parent)
    config = made.private_service_connect_config
    assert list(config.project_allowlist) == ["rehearsal-project", "other-project"]
    assert not made.dedicated_endpoint_dns
    assert config.service_attachment in url
    with pytest.raises(InvalidRequest, match=config.service_attachment):
        unknown.predict(name, ROW)
    with pytest.raises(FailedPrecondition, match="Private Service Connect"):
        account.client(PredictionServiceClient).raw_predict(endpoint=made.name)
    rule = str(emulator.pull("forwarding-rule"))
    answer = serving(account, Private(address=rule)).predict(name, ROW)
    assert (answer.status, answer.variant) == (200, "blue")
    with pytest.raises(Unavailable, match="network of the forwarding rule"):
        serving(account, Private(address="127.0.0.1:9")).predict(name, ROW)


def test_what_the_model_says_to_a_wrong_row_comes_through(
    bench: Any, account: GcpAccount, emulator: Project
) -> None:
    """The rule is made by Vertex AI here, in a network that is named."""
    endpoints = serving(account, Private(network=NETWORK))
    name, url = served(bench, endpoints)
    assert url.startswith(f"https://{emulator.pull('forwarding-rule')}/v1/projects/")
    assert endpoints.predict(name, ROW).status == 200
    refused = endpoints.predict(name, {"instances": [{"other": 1}]})
    assert refused.status == 400
    assert "x" in str(refused.body)


@pytest.mark.parametrize("wrong", [{"network": "ml"}, {"address": "https://10.0.0.1/x"}])
def test_an_address_is_a_host_and_a_network_is_named_in_full(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Private(**wrong)
