"""Ticks, captures, copies, outcomes and metrics of a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from blocks.contracts import Capture, VariantTick, asked_in, user_number
from blocks.serving.config import MirrorTarget
from blocks.testing.waiting import until
from tests.unit.serving.servers import INTERNAL, ROW, Server, serving


@pytest.fixture(scope="module")
def shadow(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("shadow"), model, variant="green") as server:
        yield server


def ticks_with(server: Server, event: str, variant: str = "blue") -> list[VariantTick]:
    """Return the ticks up to the one that has this outcome, which is sent last."""
    server.post({"request_id": "r", "event": event, "variant": variant}, "/outcomes")
    until(lambda: any(event in tick.outcomes for tick in server.ticks()))
    return server.ticks()


def test_every_answer_is_counted_in_its_tick_and_no_4xx(server: Server) -> None:
    before = ticks_with(server, "before")
    server.ask(ROW, {**ROW, "x": 0.999}, x_user="ann")
    server.ask({**ROW, "x": -7.25}, x_user="ben")
    server.ask({**ROW, "x": 1000.0}, x_user="ben")
    server.ask({**ROW, "x": "wrong"}, x_user="cid")
    new = [tick for tick in ticks_with(server, "after") if tick not in before]
    assert sum(tick.requests for tick in new) == 3
    assert sum(tick.errors for tick in new) == 1
    assert sum(sum(tick.latency.values()) for tick in new) == 3
    predictions = {name for tick in new for name in tick.predictions}
    assert predictions == {"25", "99", "-7.2e+00"}
    assert 2 <= sum(tick.users for tick in new) <= 3  # ben may fall into two ticks
    assert sum(tick.erring_users for tick in new) == 1
    assert [number for tick in new for number in tick.erring] == [user_number("ben")]


def test_whoever_gives_no_name_counts_as_one_user_each_time(server: Server) -> None:
    before = ticks_with(server, "early")
    server.ask({**ROW, "x": 1000.0})
    server.ask({**ROW, "x": 1000.0})
    new = [tick for tick in ticks_with(server, "late") if tick not in before]
    assert sum(tick.users for tick in new) == sum(tick.erring_users for tick in new) == 2
    assert not any(tick.erring for tick in new)


def test_an_idle_server_says_every_second_that_it_lives(server: Server) -> None:
    seen = len(server.ticks())
    until(lambda: len(server.ticks()) >= seen + 3)
    starts = sorted({int(tick.start.timestamp()) for tick in server.ticks()})
    assert starts == list(range(starts[0], starts[-1] + 1))
    assert starts[-1] < time.time()


def test_an_outcome_counts_for_the_variant_that_answered(server: Server) -> None:
    ticks = ticks_with(server, "bought", variant="green")
    (tick,) = [tick for tick in ticks if tick.outcomes.get("bought")]
    assert (tick.variant, tick.requests) == ("green", 0)


def test_an_outcome_is_counted_to_the_time_that_its_request_was_asked(server: Server) -> None:
    asked = time.time()
    named = server.ask(ROW).headers["x-request-id"]
    hour_ago = {"request_id": "mine", "asked_at": asked - 3600}
    for told in ({"request_id": named}, hour_ago, {"request_id": "unknown"}):
        server.post({**told, "event": "signed"}, "/outcomes")
    ticks = ticks_with(server, "last")
    assert sum(tick.outcomes.get("signed", 0) for tick in ticks) == 3
    times = [at for tick in ticks for at in tick.asked.get("signed", {})]
    assert sorted(times)[0] == asked_in(asked - 3600)
    assert asked_in(asked) <= sorted(times)[1] <= time.time()
    assert len(times) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"request_id": "r", "event": "bought", "asked_at": "noon"}, "asked_at"),
        ({"event": "bought"}, "request_id"),
        ({"request_id": "r"}, "event"),
        ({"request_id": "r", "event": "two words"}, "event"),
        ({"request_id": "r", "event": "bought", "variant": "../x"}, "variant"),
    ],
)
def test_an_outcome_that_names_too_little_is_refused(
    server: Server, body: dict[str, str], field: str
) -> None:
    answer = server.post(body, "/outcomes")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_a_captured_request_can_be_read_back_by_row(server: Server) -> None:
    rows = [{**ROW, "x": 0.5}, {**ROW, "city": "Bergen", "maybe": 2}]
    server.ask(*rows, x_request_id="kept", x_user="ann")
    kept = server.kept("kept")
    assert [row["row"] for row in kept] == [0, 1]
    assert [row["city"] for row in kept] == ["Oslo", "Bergen"]
    assert [row["maybe"] for row in kept] == [None, 2.0]
    assert [row["prediction"] for row in kept] == [0.5, 0.25]
    first = kept[0]
    assert abs(first["at"].timestamp() - time.time()) < 60
    assert (first["variant"], first["mirrored"], first["status"]) == ("blue", False, 200)
    assert (first["user"], first["day"], first["note"]) == ("ann", None, None)
    assert first["seconds"] > 0


def test_a_copy_reaches_the_shadow_under_the_same_request_id(
    server: Server, shadow: Server
) -> None:
    file = server.config.mirror
    file.write_text(MirrorTarget(url=shadow.url, variant="green", percent=100).model_dump_json())
    try:
        until(lambda: copies(server))
        sent = server.ask(ROW, x_user="ann")
        infers = {"inputs": [tensor(name, value) for name, value in ROW.items()]}
        other = server.post(infers, "/v2/models/probe/versions/7/infer", x_request_id="by-v2")
        assert other.status_code == 200
        for request_id in (sent.headers["x-request-id"], "by-v2"):
            (kept,) = shadow.kept(request_id)
            assert (kept["variant"], kept["mirrored"], kept["prediction"]) == ("green", True, 0.25)
        (kept,) = shadow.kept(sent.headers["x-request-id"])
        (live,) = server.kept(sent.headers["x-request-id"])
        assert (live["variant"], live["mirrored"]) == ("blue", False)
    finally:
        file.unlink()
    until(lambda: any(tick.mirrored and tick.requests for tick in shadow.ticks()))
    assert not any(tick.requests for tick in shadow.ticks() if not tick.mirrored)


def copies(server: Server) -> int:
    server.ask(ROW)
    return int(figure(server, "bluewater_copies_sent"))


def tensor(name: str, value: object) -> dict[str, object]:
    kinds = {float: "FP64", int: "INT64", str: "BYTES", bool: "BOOL"}
    return {"name": name, "datatype": kinds[type(value)], "shape": [1, 1], "data": [value]}


def test_a_copy_that_does_not_know_the_word_is_a_live_request(server: Server) -> None:
    for word, mirrored in (("1", False), (INTERNAL, True)):
        server.ask(ROW, x_request_id=f"word-{mirrored}", x_bluewater_mirrored=word)
        (kept,) = server.kept(f"word-{mirrored}")
        assert kept["mirrored"] is mirrored


def test_a_shadow_that_is_gone_costs_the_live_requests_nothing(server: Server) -> None:
    file = server.config.mirror
    gone = MirrorTarget(url="http://127.0.0.1:9", variant="green", percent=100)
    file.write_text(gone.model_dump_json())
    try:
        until(lambda: server.ask(ROW) and figure(server, "bluewater_copies_dropped"))
        assert server.ask(ROW).json() == {"predictions": [0.25]}
    finally:
        file.unlink()


def test_only_the_sample_is_captured(tmp_path: Path, model: Path) -> None:
    with serving(tmp_path, model, capture=Capture(sample=0.2)) as server:
        for number in range(200):
            server.ask(ROW, x_request_id=f"r{number}")
        assert server.stop() == 0
        assert 10 < len(server.captures()) < 80
        assert sum(tick.requests for tick in server.ticks()) == 200


def figure(server: Server, name: str, **labels: str) -> float:
    text = server.get("/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_prometheus_can_read_what_was_answered_and_refused(server: Server) -> None:
    name, labels = "bluewater_requests_total", {"variant": "blue", "version": "7"}
    answered = figure(server, name, status="200", **labels)
    refused = figure(server, name, status="400", **labels)
    server.ask(ROW)
    server.ask({})
    assert figure(server, name, status="200", **labels) == answered + 1
    assert figure(server, name, status="400", **labels) == refused + 1
    assert figure(server, "bluewater_in_flight") == 0
