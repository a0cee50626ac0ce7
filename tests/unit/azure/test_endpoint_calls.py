"""Endpoints in Azure's words: what is served, whose the traffic is, and what comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.cloud.serving import CAPTURES, Settings
from blocks.cloud.wanted import WantedVariant
from blocks.contracts import (
    Capture,
    InvalidRequest,
    Mirror,
    ModelVersion,
    ProviderError,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.endpoint_calls import (
    MOVE_TAG,
    deployment_name,
    endpoint_name,
    from_endpoint,
    require_servable,
    to_deployment,
    to_endpoint,
    variant_name,
)
from blocks.providers.azure.splitting import Step, next_step
from blocks.providers.azure.wanted import LEARNT_AFTER, WantedEndpoint

MODEL = ModelVersion(
    name="m", version="3", uri="abfss://c@store.dfs.core.windows.net/m", digest="0" * 64
)
REQUEST = VariantRequest(
    endpoint="late-flights",
    variant="v3",
    model=MODEL,
    machine="Standard_DS3_v2",
    min_replicas=2,
    max_replicas=2,
    serving=Serving(timeout=timedelta(seconds=3), concurrency=7),
    capture=Capture(sample=0.25),
    env={"MODE": "quick"},
)
VARIANT = WantedVariant(request=REQUEST, token="f" * 32)
ACCOUNT = AzureAccount(
    subscription="s",
    resource_group="g",
    workspace="w",
    storage_account="store",
    container="c",
    prefix="bluewater",
    owner="me",
    endpoint="",
)


def asked(variant: WantedVariant = VARIANT) -> Any:
    return to_deployment(variant, account=ACCOUNT, image="registry/server:1", told={})


def asked_endpoint(traffic: Traffic) -> Any:
    return to_endpoint("late-flights", traffic, account=ACCOUNT, identity="", public=True)


def test_a_container_reads_what_its_deployment_was_made_with() -> None:
    env = asked().environment_variables
    settings = Settings.from_environment(env)
    assert (settings.endpoint, settings.variant, settings.model) == ("late-flights", "v3", MODEL)
    assert (settings.serving, settings.capture) == (REQUEST.serving, REQUEST.capture)
    assert env[CAPTURES] == "abfss://c@store.dfs.core.windows.net/bluewater/captures"
    assert env["MODE"] == "quick"


def test_a_deployment_has_the_machines_the_routes_and_the_patience_that_were_asked_for() -> None:
    found = asked()
    assert (found.instance_type, found.instance_count) == ("Standard_DS3_v2", 2)
    assert found.request_settings.request_timeout_ms == 3000
    assert found.request_settings.max_concurrent_requests_per_instance == 7
    routes = found.environment.inference_config
    assert routes["scoring_route"] == {"path": "/invocations", "port": 8080}
    assert routes["readiness_route"]["path"] == "/ready"


@pytest.mark.parametrize("variant", ["v3", "v", "blue", "a-longer-one"])
def test_names_of_deployments_are_long_enough_and_lead_back(variant: str) -> None:
    name = deployment_name(variant)
    assert len(name) >= 3
    assert variant_name(name) == variant


def test_an_endpoint_of_another_owner_or_workspace_is_called_something_else() -> None:
    other = ACCOUNT.model_copy(update={"owner": "you"})
    elsewhere = ACCOUNT.model_copy(update={"workspace": "another"})
    long = ("a" * 41, "a" * 40 + "b")
    names = [
        *(endpoint_name(each, "late-flights") for each in (ACCOUNT, other, elsewhere)),
        *(endpoint_name(ACCOUNT, each) for each in long),
    ]
    assert len(set(names)) == 5
    assert all(3 <= len(each) <= 32 for each in names)


def test_what_azure_tells_of_traffic_is_what_it_was_asked() -> None:
    mirror = Mirror(variant="v4", percent=10)
    traffic = Traffic(percent={"v3": 100}, mirror=mirror, etag="move-7")
    endpoint = asked_endpoint(traffic)
    assert endpoint.tags[MOVE_TAG] == "move-7"
    endpoint.traffic["v5-V"] = 0  # the SDK puts them in
    assert from_endpoint(endpoint) == traffic
    assert from_endpoint(asked_endpoint(Traffic(percent={}))) == Traffic(percent={})


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"endpoint": "flights-"}, InvalidRequest, "NAME"),
        ({"variant": "a--b"}, InvalidRequest, "NAME"),
        ({"serving": Serving(timeout=timedelta(minutes=4))}, InvalidRequest, "TIMEOUT"),
        ({"serving": Serving(token_secret="caller")}, Unsupported, "TOKEN"),
        ({"serving": Serving(requests_per_second=3)}, Unsupported, "RATE"),
        ({"model": MODEL.model_copy(update={"uri": "s3://b/m"})}, InvalidRequest, "MODEL"),
    ],
)
def test_what_azure_would_never_serve_is_refused(
    change: dict[str, Any], kind: type[ProviderError], code: str
) -> None:
    require_servable(REQUEST)
    with pytest.raises(kind) as caught:
        require_servable(REQUEST.model_copy(update=change))
    assert caught.value.code == code


ALONE = Traffic(percent={"blue": 100}, etag="move-1")
COPIED = Traffic(percent={"blue": 100}, mirror=Mirror(variant="green", percent=10))
SPLIT = Traffic(percent={"blue": 90, "green": 10})
LONG_AGO = datetime.now(UTC) - 2 * LEARNT_AFTER


def wanted(to: Traffic, *, moves: int = 2, copied: str = "", told: Any = None) -> WantedEndpoint:
    return WantedEndpoint(
        percent=to.percent, mirror=to.mirror, moves=moves, copied=copied, told=told
    )


def at(traffic: Traffic, move: int) -> Traffic:
    return traffic.model_copy(update={"etag": f"move-{move}"})


@pytest.mark.parametrize(
    ("want", "now", "step"),
    [
        (wanted(SPLIT), at(SPLIT, 2), Step.NONE),
        (wanted(SPLIT), at(ALONE, 1), Step.MOVE),
        # somebody moved it by hand, and the tag with our move is still there
        (wanted(SPLIT), at(ALONE, 2), Step.TAKE_OVER),
        # somebody else of us moved it since we read what is wanted
        (wanted(SPLIT), at(ALONE, 3), Step.WAIT),
        # copies begin only when their containers know of it
        (wanted(COPIED), at(ALONE, 1), Step.TELL),
        (wanted(COPIED, copied="green", told=datetime.now(UTC)), at(ALONE, 1), Step.WAIT),
        (wanted(COPIED, copied="green", told=LONG_AGO), at(ALONE, 1), Step.MOVE),
        # who has live requests has to lose them before it is told that all are copies
        (wanted(COPIED), at(SPLIT, 1), Step.MOVE_ALONE),
        # and the other way round, copies end before it is told that all are live
        (wanted(SPLIT, copied="green", told=LONG_AGO), at(COPIED, 1), Step.END_COPIES),
        (wanted(SPLIT, copied="green", told=LONG_AGO), at(ALONE, 1), Step.TELL),
        (wanted(SPLIT, told=datetime.now(UTC)), at(ALONE, 1), Step.WAIT),
    ],
)
def test_copies_and_live_requests_are_never_taken_for_each_other(
    want: WantedEndpoint, now: Traffic, step: Step
) -> None:
    assert next_step(want, now) is step
