"""Looks at an endpoint that Azure does not show yet."""

from __future__ import annotations

from typing import Any

from blocks.contracts import Endpoints, RunKey
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="deploy")
PUT = "ml:OnlineEndpoints.CreateOrUpdate"


def test_an_endpoint_that_is_made_but_does_not_show_is_looked_for_again(
    bench: Any, account: AzureAccount, emulator: Subscription
) -> None:
    """Once its change is over, nothing refuses a second one, which would take its traffic away."""
    endpoints, request = bench.connect(Endpoints), bench.variant_request()
    ref = endpoints.deploy(request, key=KEY)
    name, there = endpoint_name(account, request.endpoint), account.ml().online_endpoints
    until(lambda: there.get(name).provisioning_state == "Succeeded")
    emulator.fault("stale-read", call="ml:OnlineEndpoints.Get", times=3)
    endpoints.status(ref)
    assert [each["status"] for each in emulator.calls(PUT)] == [201]
