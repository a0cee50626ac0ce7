"""What the container of an endpoint is told, brings in, and carries away."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.cloud.logged_ticks import TICK
from blocks.cloud.serving import Settings
from blocks.cloud.shipping import Shipping
from blocks.contracts import (
    Capture,
    Endpoints,
    InvalidRequest,
    ModelVersion,
    Monitor,
    RunKey,
    Serving,
    Traffic,
    Unsupported,
    VariantRequest,
    VariantTick,
    Window,
)
from blocks.providers.aws.container import Attributes
from blocks.providers.aws.desired import DesiredVariant
from blocks.providers.aws.endpoint_calls import require_servable, to_create_model
from blocks.providers.aws.serve import config_of
from blocks.testing.waiting import until

MODEL = ModelVersion(name="m", version="3", uri="s3://bucket/m", digest="0" * 64)
REQUEST = VariantRequest(
    endpoint="late-flights",
    variant="v3",
    model=MODEL,
    machine="ml.m5.large",
    serving=Serving(timeout=timedelta(seconds=3), concurrency=7),
    capture=Capture(sample=0.25),
    env={"MODE": "quick"},
)
VARIANT = DesiredVariant(request=REQUEST, token="f" * 32, model="bluewater-v3")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


def environment(variant: DesiredVariant = VARIANT, *, copies: bool = False) -> dict[str, str]:
    call = to_create_model(variant, copies=copies, image="image:1", told={})
    found: dict[str, str] = call["PrimaryContainer"]["Environment"]
    return found


def test_a_container_reads_what_its_model_was_made_with(tmp_path: Path) -> None:
    settings = Settings.from_environment(environment())
    config = config_of(settings, {}, tmp_path)
    assert (config.endpoint, config.variant, config.model) == ("late-flights", "v3", MODEL)
    assert (config.serving, config.capture) == (REQUEST.serving, REQUEST.capture)
    assert (config.host, config.port) == ("0.0.0.0", 8080)
    assert config.model_folder == Path("/opt/ml/model")
    assert environment()["MODE"] == "quick"


def test_a_variant_that_serves_copies_is_a_model_of_its_own() -> None:
    live, copies = (
        to_create_model(VARIANT, copies=each, image="i", told={}) for each in (False, True)
    )
    assert live["ModelName"] != copies["ModelName"]
    assert Settings.from_environment(environment(copies=True)).copies


def test_what_does_not_fit_into_a_variable_is_refused() -> None:
    long = REQUEST.model_copy(update={"env": {"NOTE": "." * 1025}})
    with pytest.raises(InvalidRequest, match="NOTE"):
        environment(VARIANT.model_copy(update={"request": long}))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "late-"}, "endpoint"),
        ({"variant": "v-"}, "variant"),
        ({"serving": Serving(timeout=timedelta(seconds=61))}, "timeout"),
        ({"model": MODEL.model_copy(update={"uri": "file:///m"})}, "S3"),
    ],
)
def test_what_sagemaker_would_never_serve_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        require_servable(REQUEST.model_copy(update=change), isolated=False)


def test_what_a_container_cannot_know_or_reach_is_not_promised() -> None:
    limited = REQUEST.model_copy(update={"serving": Serving(requests_per_second=5)})
    with pytest.raises(Unsupported, match="requests_per_second"):
        require_servable(limited, isolated=False)
    with pytest.raises(Unsupported, match="network"):
        require_servable(REQUEST, isolated=True)
    require_servable(REQUEST.model_copy(update={"capture": Capture(sample=0)}), isolated=True)


def test_custom_attributes_of_others_are_passed_over() -> None:
    ours = Attributes(token="a=b", look="word")
    assert Attributes.from_header(f"theirs=1, {ours.to_header()} ,x") == ours
    assert Attributes.from_header("") == Attributes()


def test_ticks_are_printed_once_and_idle_ones_not_at_all(tmp_path: Path) -> None:
    """A line that is still being written waits for its end."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [
        VariantTick(variant="v3", start=start, seconds=1.0, requests=count).to_json()
        for count in (2, 0, 3)
    ]
    folder, out = tmp_path / "ticks", io.StringIO()
    folder.mkdir()
    shipping = Shipping(tmp_path, None, "", out=out)
    (folder / "v3.jsonl").write_text(f"{lines[0]}\n{lines[1]}\n{lines[2][:20]}")
    shipping.print_ticks()
    shipping.print_ticks()
    assert len(out.getvalue().splitlines()) == 1
    (folder / "v3.jsonl").write_text("\n".join(lines) + "\n")
    shipping.print_ticks()
    told = [VariantTick.from_json(line.removeprefix(TICK)) for line in out.getvalue().splitlines()]
    assert [each.requests for each in told] == [2, 3]


def test_a_look_past_the_split_is_not_counted_as_live(bench: Any) -> None:
    endpoints, start = bench.connect(Endpoints), datetime.now(UTC)
    request = bench.variant_request(variant="blue")
    bench.settle(endpoints.deploy(request, key=RunKey(run="run-1", step="deploy")))
    endpoints.shift("bench", Traffic(percent={"blue": 100}), since=endpoints.traffic("bench"))
    for _ in range(3):
        assert endpoints.predict("bench", ROW, variant="blue").variant == "blue"
    assert endpoints.predict("bench", ROW).status == 200

    def counted() -> dict[bool, int]:
        window = Window(start=start - timedelta(seconds=2), end=datetime.now(UTC))
        ticks = bench.connect(Monitor).ticks("bench", window)
        return {
            mirrored: sum(each.requests for each in ticks if each.mirrored is mirrored)
            for mirrored in (True, False)
        }

    until(lambda: sum(counted().values()) == 4)
    assert counted() == {True: 3, False: 1}
