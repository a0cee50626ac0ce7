"""Endpoints in Databricks' words: what is served, and whose the traffic is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from databricks.sdk.service.serving import (
    EndpointCoreConfigOutput,
    Route,
    ServedEntityInput,
    ServingEndpointDetailed,
    TrafficConfig,
)

from blocks.cloud.serving import CAPTURES, Settings
from blocks.contracts import (
    Capture,
    InvalidRequest,
    ModelVersion,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
)
from blocks.providers.databricks.endpoint_calls import (
    Surroundings,
    copies_of,
    require_servable,
    to_routes,
    to_served_entity,
    to_traffic,
)
from blocks.providers.databricks.wanted import Move, Wanted, WantedVariant

MODEL = ModelVersion(name="m", version="3", uri="dbfs:///Volumes/c/s/v/m", digest="0" * 64)
REQUEST = VariantRequest(
    endpoint="late-flights",
    variant="v3",
    model=MODEL,
    machine="GPU_MEDIUM",
    min_replicas=2,
    max_replicas=2,
    serving=Serving(timeout=timedelta(seconds=3), concurrency=7),
    capture=Capture(sample=0.25),
    env={"MODE": "quick"},
)
VARIANT = WantedVariant(request=REQUEST, token="f" * 32, version="12")
AROUND = Surroundings(
    captures="dbfs:///Volumes/c/s/v/captures",
    ticks="dbfs:///Volumes/c/s/v/ticks",
    capture_every=30.0,
    ticks_every=10.0,
    identity={"DATABRICKS_TOKEN": "{{secrets/bluewater/token}}"},
)


def entity(**changes: Any) -> ServedEntityInput:
    request = REQUEST.model_copy(update=changes)
    variant = VARIANT.model_copy(update={"request": request})
    return to_served_entity(variant, model="c.s.served", surroundings=AROUND)


def endpoint(**split: int) -> ServingEndpointDetailed:
    routes = [
        Route(served_model_name=name, traffic_percentage=share) for name, share in split.items()
    ]
    config = EndpointCoreConfigOutput(traffic_config=TrafficConfig(routes=routes))
    return ServingEndpointDetailed(config=config)


def test_a_model_reads_what_its_entity_was_put_with() -> None:
    env = entity().environment_vars or {}
    settings = Settings.from_environment(env)
    assert (settings.endpoint, settings.variant, settings.model) == ("late-flights", "v3", MODEL)
    assert (settings.serving, settings.capture) == (REQUEST.serving, REQUEST.capture)
    assert (env["MODE"], env[CAPTURES]) == ("quick", "dbfs:///Volumes/c/s/v/captures")
    assert env["DATABRICKS_TOKEN"] == "{{secrets/bluewater/token}}"


def test_what_is_not_to_be_kept_has_no_place_to_go() -> None:
    assert (entity(capture=Capture(sample=0)).environment_vars or {})[CAPTURES] == ""


def test_copies_are_units_of_concurrency_and_none_is_sleep() -> None:
    two, none = entity(), entity(min_replicas=0, max_replicas=1)
    assert (two.min_provisioned_concurrency, two.max_provisioned_concurrency) == (8, 8)
    assert (two.scale_to_zero_enabled, none.scale_to_zero_enabled) == (False, True)
    assert (none.min_provisioned_concurrency, none.max_provisioned_concurrency) == (4, 4)
    assert two.workload_type is not None
    assert two.workload_type.value == "GPU_MEDIUM"


def test_before_the_first_move_nobody_has_traffic_whatever_databricks_says() -> None:
    """All of an endpoint's traffic is always somebody's there."""
    assert to_traffic(None, None) == Traffic(percent={})
    assert to_traffic(Wanted(), endpoint(blue=100)) == Traffic(percent={})
    moved = Wanted(move=Move(word="a", percent={"blue": 100}, since="", done=True))
    assert dict(to_traffic(moved, endpoint(blue=100)).percent) == {"blue": 100}


def test_every_move_has_an_etag_of_its_own() -> None:
    """Also one back to what it was, and one that somebody made in the console."""
    seen = [
        to_traffic(
            Wanted(move=Move(word=word, percent=split, since="")) if word else None,
            endpoint(**split),
        ).etag
        for split, word in (
            ({"blue": 100}, "a"),
            ({"green": 100}, "a"),
            ({"blue": 100}, "b"),
            ({"blue": 50, "green": 50}, ""),
        )
    ]
    assert len(set(seen)) == 4


def test_who_gets_nothing_has_no_route() -> None:
    routes = to_routes({"green": 10, "blue": 90, "old": 0}).routes or []
    assert [(each.served_model_name, each.traffic_percentage) for each in routes] == [
        ("blue", 90),
        ("green", 10),
    ]


def test_changes_of_a_variant_that_is_another_by_now_are_not_kept() -> None:
    now = Wanted().put(VARIANT.model_copy(update={"token": "e" * 32}))
    assert now.noted(VARIANT, failure="broken") is now
    assert now.without(VARIANT) is now


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "late-"}, "endpoint"),
        ({"machine": "ml.m5.large"}, "workload type"),
        ({"env": {"DATABRICKS_TOKEN": "mine"}}, "DATABRICKS_TOKEN"),
        ({"serving": Serving(timeout=timedelta(minutes=6))}, "timeout"),
    ],
)
def test_what_databricks_would_never_serve_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        require_servable(REQUEST.model_copy(update=change))


def test_what_a_model_cannot_know_is_not_promised() -> None:
    serving = Serving(token_secret="caller")
    with pytest.raises(Unsupported):
        require_servable(REQUEST.model_copy(update={"serving": serving}))


def test_the_metrics_of_an_endpoint_tell_by_how_many_copies_each_is_served() -> None:
    """Which label names the entity is not what the copies are counted by."""
    told = "\n".join(
        [
            "# TYPE provisioned_concurrent_requests_total gauge",
            'provisioned_concurrent_requests_total{endpoint_name="e",served_model_name="v3"} 12',
            'provisioned_concurrent_requests_total{served_entity="v4",endpoint_name="e"} 4.0',
            'cpu_usage_percentage{endpoint_name="e",served_model_name="v3"} 80',
        ]
    )
    assert [copies_of(told, name) for name in ("v3", "v4", "v5")] == [3, 1, None]
