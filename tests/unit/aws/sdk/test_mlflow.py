"""MLflow on SageMaker: a server is known by its ARN, and every request to it is signed.

A real MLflow server answers; what is in front of it keeps what a server of SageMaker is found and
opened by.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.datastructures import Headers
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from blocks.contracts import RunKey
from blocks.emulation.ports import next_port
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.models import LocalModels
from blocks.testing.models import make_model
from tests.unit.registry.server import Server

ARN = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/models"
KEY = RunKey(run="run-1", step="register")


@pytest.fixture(autouse=True)
def allowed() -> None:
    """Allow nothing: no emulated account is asked."""


@dataclass(slots=True)
class Front:
    """Passes requests on, and keeps their headers."""

    to: str
    heard: list[Headers] = field(default_factory=list)

    def __call__(self, environ: Any, start: Any) -> Iterable[bytes]:
        request = Request(environ)
        self.heard.append(Headers(request.headers))
        told = httpx.request(
            request.method,
            self.to + request.full_path,
            content=request.get_data(),
            headers={"Content-Type": request.content_type or "application/json"},
            timeout=60,
        )
        kind = told.headers["content-type"]
        return Response(told.content, told.status_code, content_type=kind)(environ, start)


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    server = Server(folder=tmp_path, port=next_port(), root=(tmp_path / "artifacts").as_uri())
    server.start()
    front = Front(to=server.url)
    httpd = make_server("127.0.0.1", 0, front, threaded=True)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", f"http://127.0.0.1:{httpd.server_port}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ARN)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    try:
        yield front
    finally:
        httpd.shutdown()
        httpd.server_close()
        server.stop()


@pytest.mark.timeout(1800)  # a server starts
def test_models_are_kept_by_a_server_that_is_named_by_its_arn(front: Front, tmp_path: Path) -> None:
    machine = LocalMachine(workspace=tmp_path / "workspace")
    models = LocalModels(machine=machine, tracking_uri=ARN)
    draft = make_model(tmp_path / "model", kind="threshold")
    version = models.register(draft, key=KEY)
    models.promote(version, "champion", replacing=None)
    found = models.resolve(draft.name, "champion")
    assert found is not None
    assert (found.version, found.digest) == ("1", draft.digest)
    assert front.heard
    for headers in front.heard:
        assert headers["x-mlflow-sm-tracking-server-arn"] == ARN
        assert "Credential=AKIASOMEBODY/" in headers["Authorization"]
        assert "/us-east-1/sagemaker-mlflow/aws4_request" in headers["Authorization"]
