"""Online endpoints of Azure, where they are not like those of other clouds."""

from __future__ import annotations

from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import HttpResponseError

from blocks.contracts import (
    Conflict,
    Endpoints,
    Mirror,
    Phase,
    Traffic,
    Unsupported,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.bench import KEY as RELEASE
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.endpoint_calls import endpoint_name
from blocks.providers.azure.endpoint_levers import QUICK
from blocks.providers.azure.endpoints import AzureEndpoints
from blocks.testing.deploying import ROW, give, up
from deployments.azure.role import CALLER, CALLER_DATA, TOKENS

ENDPOINT, DEPLOYMENT = "ml:OnlineEndpoints.CreateOrUpdate", "ml:OnlineDeployments.CreateOrUpdate"

LIST_KEYS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/listKeys/action"


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


@pytest.fixture
def ml(account: AzureAccount) -> MLClient:
    return account.ml()


def test_what_a_deployment_failed_with_is_told_by_azures_own_code(
    bench: Any, endpoints: Endpoints, emulator: Subscription
) -> None:
    faults = {
        "image-build-failure": "ImageBuildFailure",
        "resource-not-ready": "ResourceNotReady",
        "out-of-capacity": "OutOfCapacity",
    }
    for number, (fault, code) in enumerate(faults.items()):
        emulator.fault(fault)
        status = endpoints.status(up(bench, endpoints, f"v{number}"))
        assert status.phase is Phase.FAILED
        assert status.failure is not None
        assert status.failure.code == code
    emulator.fault("out-of-quota", call=DEPLOYMENT)
    status = endpoints.status(up(bench, endpoints, "blue"))
    assert status.failure is not None
    assert status.failure.code == "OutOfQuota"


def test_another_change_is_waited_out_and_so_is_one_that_azure_makes_by_itself(
    bench: Any, endpoints: Endpoints, emulator: Subscription
) -> None:
    emulator.fault("updating-again", call=ENDPOINT, times=2)
    emulator.fault("conflict", call=DEPLOYMENT)
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    emulator.fault("conflict", call=ENDPOINT)
    assert dict(give(endpoints, blue=100).percent) == {"blue": 100}
    up(bench, endpoints, "green", "constant")
    assert dict(give(endpoints, green=100).percent) == {"green": 100}
    assert endpoints.predict("bench", ROW).body["predictions"] == [0.25]


def test_a_key_that_was_made_anew_is_asked_for(
    bench: Any, endpoints: Endpoints, ml: MLClient, account: AzureAccount
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    assert endpoints.predict("bench", ROW).status == 200
    ml.online_endpoints.begin_regenerate_keys(endpoint_name(account, "bench"))
    assert endpoints.predict("bench", ROW).status == 200


def test_callers_bring_tokens_where_the_block_says_so_and_no_key_opens(
    bench: Any, emulator: Subscription, account: AzureAccount, ml: MLClient
) -> None:
    role = {*CALLER, *CALLER_DATA, *TOKENS} - {LIST_KEYS}
    emulator.pull("policy", key=RELEASE, actions=sorted(role))
    endpoints = AzureEndpoints(account=account, auth="token", **QUICK)
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    assert endpoints.predict("bench", ROW).status == 200
    emulator.advance(13 * 3600)  # the token is over, and another one is asked for
    assert endpoints.predict("bench", ROW).status == 200
    assert set(TOKENS) <= set(emulator.pull("actions", key=RELEASE))
    name = endpoint_name(account, "bench")
    told = ml.online_endpoints.get_keys(name)
    assert told.access_token
    told = ml.online_endpoints.get(name)
    told.auth_mode = "key"
    with pytest.raises(HttpResponseError, match="authMode"):
        ml.online_endpoints.begin_create_or_update(told)


def test_who_gets_copies_gets_nothing_else(bench: Any, endpoints: Endpoints) -> None:
    up(bench, endpoints, "blue")
    up(bench, endpoints, "v2", "constant")
    give(endpoints, blue=100)
    copies = Mirror(variant="v2", percent=50)
    half = Traffic(percent={"blue": 50, "v2": 50}, mirror=copies)
    with pytest.raises(Unsupported, match="one or the other"):
        endpoints.shift("bench", half, since=endpoints.traffic("bench"))
    alone = Traffic(percent={"blue": 100}, mirror=copies)
    endpoints.shift("bench", alone, since=endpoints.traffic("bench"))
    with pytest.raises(Conflict, match="traffic"):
        endpoints.retire("bench", "v2")
    found = endpoints.predict("bench", ROW, variant="v2")
    assert (found.variant, found.body["predictions"]) == ("v2", [0.25])
    assert dict(give(endpoints, blue=50, v2=50).percent) == {"blue": 50, "v2": 50}
