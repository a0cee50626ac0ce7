"""Tokens, sizes, rates, concurrency and time-outs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from blocks.serving.limits import CALLERS, TokenBuckets
from blocks.testing.waiting import until
from tests.unit.serving.conftest import TOKEN
from tests.unit.serving.servers import ROW, Server

BEARER = f"Bearer {TOKEN}"


@contextmanager
def held(server: Server, folder: Path, *, requests: int) -> Iterator[None]:
    """Keep so many requests in the model until the block ends."""
    gates = [folder / f"gate-{number}" for number in range(requests)]
    with ThreadPoolExecutor(requests) as callers:
        for gate in gates:
            row = {**ROW, "note": f"wait:{gate}"}
            callers.submit(server.ask, row, authorization=BEARER, x_forwarded_for=gate.name)
            until(Path(f"{gate}.begun").exists)
        try:
            yield
        finally:
            for gate in gates:
                gate.touch()


@pytest.mark.parametrize(
    "given", ["", TOKEN, "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", "Bearer é"]
)
def test_a_wrong_token_is_refused(strict: Server, given: str) -> None:
    body = {"dataframe_records": [ROW]}
    raw = json.dumps(body).encode()
    head = b"POST /invocations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    head += b"authorization: %s\r\ncontent-length: %d\r\n\r\n" % (given.encode(), len(raw))
    answer = strict.raw(head, raw)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate: Bearer" in answer


@pytest.mark.parametrize("path", ["/metrics", "/v2", "/v2/models/probe", "/version"])
def test_what_is_not_health_needs_the_token(strict: Server, path: str) -> None:
    assert strict.get(path).status_code == 401
    assert strict.get(path, authorization=BEARER).status_code == 200


def test_the_token_opens_and_is_never_logged(strict: Server) -> None:
    answer = strict.ask(ROW, authorization=BEARER, x_forwarded_for="opens")
    assert answer.status_code == 200
    assert TOKEN not in strict.log
    assert TOKEN not in (strict.place / "server.json").read_text()


def test_a_body_over_the_limit_is_refused_before_it_is_read(strict: Server) -> None:
    head = f"POST /invocations HTTP/1.1\r\nhost: a\r\nauthorization: {BEARER}\r\n"
    announced = (head + "content-length: 999999999\r\n\r\n{").encode()
    assert strict.raw(announced).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_over_the_limit_is_refused(strict: Server) -> None:
    head = f"POST /invocations HTTP/1.1\r\nhost: a\r\nauthorization: {BEARER}\r\n"
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    answer = strict.raw((head + "transfer-encoding: chunked\r\n\r\n").encode(), chunk * 3)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    assert strict.get("/live").status_code == 200


def test_a_body_that_never_comes_is_given_up(strict: Server) -> None:
    head = f"POST /invocations HTTP/1.1\r\nhost: a\r\nauthorization: {BEARER}\r\n"
    answer = strict.raw((head + "content-length: 100\r\n\r\n{").encode())
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(strict: Server) -> None:
    refused = until(lambda: refusal(strict, "1.2.3.4"))
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "RATE"
    assert strict.ask(ROW, authorization=BEARER, x_forwarded_for="1.2.3.5").status_code == 200


def refusal(server: Server, caller: str) -> httpx.Response | None:
    """Ask once more; return the answer if it is none of the model."""
    answer = server.ask(ROW, authorization=BEARER, x_forwarded_for=caller)
    return None if answer.is_success else answer


def test_more_at_once_than_may_be_is_a_503_and_health_is_not_held_up(
    strict: Server, tmp_path: Path
) -> None:
    with held(strict, tmp_path, requests=2):
        answer = strict.ask(ROW, authorization=BEARER, x_forwarded_for="third")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert strict.get("/live").status_code == 200
    until(lambda: strict.ask(ROW, authorization=BEARER, x_forwarded_for=tmp_path.name).is_success)


def test_an_answer_that_takes_too_long_is_a_504_and_an_error(
    strict: Server, tmp_path: Path
) -> None:
    gate = tmp_path / "late"
    row = {**ROW, "note": f"wait:{gate}"}
    answer = strict.ask(row, authorization=BEARER, x_forwarded_for="late", x_request_id="late")
    gate.touch()
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "TIMEOUT")
    (kept,) = strict.kept("late")
    assert (kept["status"], kept["prediction"]) == (504, None)
    until(lambda: any(tick.errors for tick in strict.ticks()))


def test_a_bucket_holds_a_second_and_fills_with_time() -> None:
    now = 0.0
    buckets = TokenBuckets(2, clock=lambda: now)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0.5]
    assert buckets.take("b") == 0
    now = 0.5
    assert [buckets.take("a") for _ in range(2)] == [0, 0.5]
    now = 100.0
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0.5]


def test_a_slow_rate_lets_the_first_request_pass() -> None:
    buckets = TokenBuckets(0.1, clock=lambda: 0.0)
    assert [buckets.take("a"), buckets.take("a")] == [0, pytest.approx(10)]


def test_buckets_of_many_callers_do_not_fill_the_memory() -> None:
    buckets = TokenBuckets(1, clock=lambda: 0.0)
    for caller in range(CALLERS + 1):
        buckets.take(str(caller))
    assert buckets.take("1") > 0
    assert buckets.take("0") == 0  # forgotten, and so as good as new
