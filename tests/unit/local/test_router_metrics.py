"""The router's own figures in Prometheus' format, for who knows the endpoint's internal word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from blocks.providers.local.router import METRICS, has_exporter
from blocks.testing.waiting import NEVER, until
from tests.unit.local.routers import WORD, router

pytestmark = pytest.mark.skipif(not has_exporter(), reason="HAProxy was built without its exporter")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    """Whoever asks the router of an endpoint without any variant."""
    with router(tmp_path, {}) as url, httpx.Client(base_url=url, timeout=NEVER) as client:
        yield client


def test_figures_of_the_router_are_for_who_knows_the_word(client: httpx.Client) -> None:
    until(lambda: client.get("/invocations").status_code == 503)
    assert client.get(METRICS).status_code == 401
    wrong = {"authorization": "Bearer guessed"}
    assert client.get(METRICS, headers=wrong).status_code == 401
    told = client.get(METRICS, headers={"authorization": f"Bearer {WORD}"})
    assert told.status_code == 200
    assert told.headers["content-type"].startswith("text/plain")
    counted = [
        line
        for line in told.text.splitlines()
        if line.startswith("haproxy_frontend_http_responses_total")
        and 'proxy="public"' in line
        and 'code="5xx"' in line
    ]
    assert [float(line.split()[-1]) >= 1 for line in counted] == [True]
