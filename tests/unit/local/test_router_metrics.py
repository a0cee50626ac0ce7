"""The router's own figures in Prometheus' format, for who knows the endpoint's internal word."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from blocks.contracts import Serving
from blocks.providers.local.router import METRICS, binary, configuration, has_exporter
from blocks.testing.waiting import until

WORD = "internal-word"

pytestmark = pytest.mark.skipif(not has_exporter(), reason="HAProxy was built without its exporter")


@pytest.fixture
def router(tmp_path: Path) -> Iterator[str]:
    """A router of an endpoint without any variant; return its address."""
    for name in ("slots", "variants", "limits"):
        (tmp_path / f"{name}.map").write_text("")
    (tmp_path / "limits.map").write_text("payload 1000\nrate 1000\ntimeout 1000\n")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        bind = f"fd@{listener.fileno()}"
        text = configuration(tmp_path, Serving(), token=WORD, bind=bind, ports={})
        file = tmp_path / "haproxy.cfg"
        file.write_text(text)
        process = subprocess.Popen([binary(), "-db", "-f", str(file)], pass_fds=[listener.fileno()])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.kill()
            process.wait()


def test_figures_of_the_router_are_for_who_knows_the_word(router: str) -> None:
    until(lambda: httpx.get(f"{router}/invocations").status_code == 503)
    assert httpx.get(f"{router}{METRICS}").status_code == 401
    wrong = {"authorization": "Bearer guessed"}
    assert httpx.get(f"{router}{METRICS}", headers=wrong).status_code == 401
    told = httpx.get(f"{router}{METRICS}", headers={"authorization": f"Bearer {WORD}"})
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
