"""Azure's deployments have names of three letters and more; versions are called v1."""

from __future__ import annotations

from typing import Any

from blocks.contracts import Endpoints, Phase, RunKey, Traffic
from blocks.providers.azure.emulator.launch import Subscription


def test_a_variant_of_a_short_name_is_deployed_once_and_serves(
    bench: Any, emulator: Subscription
) -> None:
    endpoints = bench.connect(Endpoints)
    request = bench.variant_request(variant="v1")
    bench.settle(ref := endpoints.deploy(request, key=RunKey(run="run-1", step="deploy")))
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    assert len(emulator.calls("ml:OnlineDeployments.CreateOrUpdate")) == 1
    name = request.endpoint
    endpoints.shift(name, Traffic(percent={"v1": 100}), since=endpoints.traffic(name))
    assert dict(endpoints.traffic(name).percent) == {"v1": 100}
    assert [each.name for each in endpoints.variants(name)] == ["v1"]
