"""Endpoints in Vertex AI's words: what is served, and whose the traffic is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint, Model

from blocks.cloud.serving import CAPTURES, Settings
from blocks.cloud.wanted import Wanted, WantedVariant
from blocks.contracts import (
    Capture,
    InvalidRequest,
    ModelVersion,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.endpoint_calls import (
    MOVE_LABEL,
    Resources,
    from_endpoint,
    require_servable,
    to_deployed_model,
    to_served_model,
)
from blocks.providers.gcp.wanted import deployed_id

MODEL = ModelVersion(name="m", version="3", uri="gs://bucket/m", digest="0" * 64)
REQUEST = VariantRequest(
    endpoint="late-flights",
    variant="v3",
    model=MODEL,
    machine="n1-standard-4+1xNVIDIA_TESLA_T4",
    serving=Serving(timeout=timedelta(seconds=3), concurrency=7),
    capture=Capture(sample=0.25),
    env={"MODE": "$(quick)"},
)
VARIANT = WantedVariant(request=REQUEST, token="f" * 32)
ACCOUNT = GcpAccount(project="p", bucket="bucket", owner="me", kms_key="", prefix="bluewater")


def environment(variant: WantedVariant) -> dict[str, str]:
    model = to_served_model(variant, account=ACCOUNT, image="i", capture_every=30.0)
    return {each.name: each.value for each in Model(model).container_spec.env}


def endpoint(split: dict[str, int], *, move: str = "") -> Endpoint:
    return Endpoint(
        name="projects/1/locations/l/endpoints/e",
        deployed_models=[
            DeployedModel(id="1", display_name="blue"),
            DeployedModel(id="2", display_name="green"),
        ],
        traffic_split=split,
        labels={MOVE_LABEL: move} if move else {},
    )


def test_a_container_reads_what_its_model_was_made_with() -> None:
    env = environment(VARIANT)
    settings = Settings.from_environment(env)
    assert (settings.endpoint, settings.variant, settings.model) == ("late-flights", "v3", MODEL)
    assert (settings.serving, settings.capture) == (REQUEST.serving, REQUEST.capture)
    assert env[CAPTURES] == "gs://bucket/bluewater/captures"


def test_a_value_is_not_taken_for_the_name_of_a_variable() -> None:
    assert environment(VARIANT)["MODE"] == "$$(quick)"


def deployed(variant: WantedVariant) -> dict[str, Any]:
    given = Resources(cpu_percent=70, requests_a_minute=90)
    return to_deployed_model(variant, model="models/m", account=ACCOUNT, given=given)


def test_one_token_is_one_deployed_model_on_the_machine_that_was_asked_for() -> None:
    asked, again = deployed(VARIANT), deployed(VARIANT)
    other = VARIANT.model_copy(update={"token": "e" * 32})
    assert asked["id"] == again["id"] != deployed_id(other)
    assert asked["id"].isdigit()
    assert len(asked["id"]) == 10
    machine = DeployedModel(asked).dedicated_resources.machine_spec
    assert (machine.machine_type, machine.accelerator_count) == ("n1-standard-4", 1)


def test_a_variant_with_bounds_says_by_what_it_grows() -> None:
    assert not DeployedModel(deployed(VARIANT)).dedicated_resources.autoscaling_metric_specs
    request = REQUEST.model_copy(update={"min_replicas": 1, "max_replicas": 3})
    scaled = deployed(VARIANT.model_copy(update={"request": request}))
    specs = DeployedModel(scaled).dedicated_resources.autoscaling_metric_specs
    assert [(each.metric_name.rpartition("online/")[2], each.target) for each in specs] == [
        ("cpu/utilization", 70),
        ("request_count", 90),
    ]


def test_traffic_is_told_by_the_names_of_variants() -> None:
    assert from_endpoint(None) == Traffic(percent={})
    assert from_endpoint(endpoint({})) == Traffic(percent={})
    assert dict(from_endpoint(endpoint({"1": 75, "2": 25})).percent) == {"blue": 75, "green": 25}


def test_every_move_has_an_etag_of_its_own() -> None:
    """Also one back to what it was, and one that somebody made in the console."""
    seen = [
        from_endpoint(endpoint(split, move=move)).etag
        for split, move in (({"1": 100}, "a"), ({"2": 100}, "a"), ({"1": 100}, "b"), ({}, "c"))
    ]
    assert len(set(seen)) == 4


def test_changes_of_a_variant_that_is_another_by_now_are_not_kept() -> None:
    now = Wanted().put(VARIANT.model_copy(update={"token": "e" * 32}))
    assert now.noted(VARIANT, failure="broken") is now
    assert now.without(VARIANT) is now


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "late-"}, "endpoint"),
        ({"serving": Serving(timeout=timedelta(minutes=11))}, "timeout"),
        ({"model": MODEL.model_copy(update={"uri": "file:///m"})}, "Cloud Storage"),
    ],
)
def test_what_vertex_ai_would_never_serve_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        require_servable(REQUEST.model_copy(update=change))


def test_what_a_container_cannot_know_is_not_promised() -> None:
    for serving in (Serving(requests_per_second=5), Serving(token_secret="caller")):
        with pytest.raises(Unsupported):
            require_servable(REQUEST.model_copy(update={"serving": serving}))
