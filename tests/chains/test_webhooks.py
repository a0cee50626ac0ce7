"""A real MLflow server tells a real receiver, signed; what it tells becomes events for Prefect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.emulation.ports import next_port
from blocks.providers.local.services import LocalServices
from blocks.testing.waiting import until
from deployments.webhooks import ensure_webhook
from tests.chains.command import ROOT

API = "/api/2.0/mlflow"
AGAIN = 300.0  # seconds; a busy machine takes its time


class Prefect(ThreadingHTTPServer):
    """Takes events as Prefect's API does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Prefect

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        self.server.events += json.loads(content)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    with Prefect() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def receiving(secret: Path, prefect: Prefect, port: int) -> Iterator[str]:
    """Run the receiver as a process of its own; yield its address."""
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "deployments.receiver", "--port", str(port)),
            *("--secret-file", str(secret)),
        ],
        cwd=ROOT,
        env={**os.environ, "PREFECT_API_URL": f"http://127.0.0.1:{prefect.server_port}/api"},
    )
    try:
        until(lambda: answers(f"{url}/health"), within=AGAIN)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_tag_in_mlflow_becomes_one_event_and_what_is_signed_otherwise_none(
    workspace: Path, prefect: Prefect
) -> None:
    services = LocalServices(workspace)
    services.start("mlflow")
    mlflow, login = services.wait("mlflow").url, services.login_file().read_text()
    user, _, password = login.partition(":")
    secret = services.receiver_file()
    with (
        receiving(secret, prefect, next_port()) as receiver,
        httpx.Client(base_url=mlflow, auth=(user, password), timeout=60) as client,
    ):

        def ask(place: str, **content: Any) -> dict[str, Any]:
            answer = client.post(f"{API}/{place}", json=content)
            assert answer.is_success, answer.text
            return dict(answer.json())

        def tested() -> int:
            [kept] = client.get(f"{API}/webhooks").raise_for_status().json()["webhooks"]
            return int(ask(f"webhooks/{kept['webhook_id']}/test")["result"]["response_status"])

        for said in ("a secret that I made up", secret.read_text()):  # the second is put right
            ensure_webhook(mlflow, receiver, login=login, secret=said)
            assert tested() == (200 if said == secret.read_text() else 401)
        before = len(prefect.events)  # MLflow's example is of a version that there is not
        ask("registered-models/create", name="small")
        ask("model-versions/create", name="small", source="s3://lake/model")
        told = {"name": "small", "version": "1"}
        ask("model-versions/set-tag", **told, key="retrain", value="labels came in")
        until(lambda: len(prefect.events) - before >= 2, within=AGAIN)
        found = {each["event"]: each for each in prefect.events[before:]}
        assert set(found) == {"bluewater.model.registered", "bluewater.model.tagged"}
        tagged = found["bluewater.model.tagged"]
        assert tagged["resource"]["prefect.resource.id"] == "bluewater.model.small"
        assert tagged["resource"]["bluewater.tag"] == "retrain"
        assert tagged["payload"]["value"] == "labels came in"
    kept = (workspace / "mlflow" / "mlflow.db").read_bytes()
    assert secret.read_text().encode() not in kept, "the secret is not encrypted"
