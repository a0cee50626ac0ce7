"""What a function is told, and that its container starts with little."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from blocks.contracts import Traffic, Unsupported
from blocks.providers.aws.functions.calls import from_alias, to_split
from blocks.providers.aws.functions.event import (
    HttpAnswer,
    HttpRequest,
    from_answer,
    from_event,
    to_answer,
    to_event,
)

NUMBERS = {"blue": "1", "green": "2"}


@pytest.mark.parametrize(
    "percent", [{"blue": 100}, {"blue": 75, "green": 25}, {"blue": 1, "green": 99}]
)
def test_a_split_is_read_back_as_it_was_asked_for(percent: dict[str, int]) -> None:
    split = to_split(Traffic(percent=percent), NUMBERS)
    alias = {**split, "RevisionId": "r"}
    told = from_alias(alias, {number: name for name, number in NUMBERS.items()})
    assert (dict(told.percent), told.etag) == (percent, "r")


def test_every_whole_percentage_survives_its_way_as_a_weight() -> None:
    for share in range(1, 100):
        asked = Traffic(percent={"blue": 100 - share, "green": share})
        alias = {**to_split(asked, NUMBERS), "RevisionId": ""}
        told = from_alias(alias, {"1": "blue", "2": "green"})
        assert dict(told.percent) == dict(asked.percent)


def test_who_gets_nothing_is_not_named() -> None:
    split = to_split(Traffic(percent={"blue": 0, "green": 100}), NUMBERS)
    assert split == {"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {}}}


def test_a_split_over_three_is_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        to_split(Traffic(percent={"a": 40, "b": 30, "c": 30}), {"a": "1", "b": "2", "c": "3"})
    assert caught.value.code == "WEIGHTS"


def test_a_request_comes_out_of_its_event_as_it_went_in() -> None:
    request = HttpRequest(
        method="POST", path="/invocations", headers={"x-request-id": "1"}, body=b'{"x": "\xc3\xbc"}'
    )
    assert from_event(to_event(request)) == request


def test_an_event_of_a_gateway_with_a_plain_body_is_read() -> None:
    event = {
        "rawPath": "/ready",
        "headers": {"Content-Type": "text/plain"},
        "requestContext": {"http": {"method": "GET"}},
        "body": "ü",
        "isBase64Encoded": False,
    }
    found = from_event(json.dumps(event).encode())
    assert (found.path, found.body, found.headers) == (
        "/ready",
        "ü".encode(),
        {"content-type": "text/plain"},
    )


@pytest.mark.parametrize("content", [b"{}", b"[]", b'"x"', b"not json"])
def test_any_other_event_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"event|Expecting"):
        from_event(content)


def test_an_answer_comes_back_as_it_was() -> None:
    answer = HttpAnswer(status=200, headers={"a": "b"}, body='{"x": "ü"}'.encode())
    assert from_answer(to_answer(answer)) == answer


def test_a_cold_start_imports_no_orchestrator() -> None:
    code = "import sys, blocks.providers.aws.functions.serve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "prefect" not in {name.partition(".")[0] for name in done.stdout.split()}
