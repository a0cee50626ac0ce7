"""A real MLflow server by URL, the errors that a server can give, and one that is down."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import httpx
import pytest
from pydantic import SecretStr

from blocks.contracts import (
    Conflict,
    Denied,
    InvalidRequest,
    NotFound,
    ProviderError,
    RunKey,
    Unavailable,
)
from blocks.emulation.ports import next_port
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.models import LocalModels
from blocks.testing.crowd import crowd
from blocks.testing.models import make_model
from blocks.testing.waiting import NEVER
from blocks.workload import digest
from tests.unit.registry.server import Server

ALIAS = "champion"
KEY = RunKey(run="run-1", step="register")

pytestmark = pytest.mark.slow  # a server starts


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(folder=tmp_path_factory.mktemp("server"), port=next_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def connected(folder: Path, url: str, *, token: str = "") -> LocalModels:
    machine = LocalMachine(workspace=folder / "workspace")
    secret = SecretStr(token) if token else None
    return LocalModels(machine=machine, tracking_uri=url, token=secret)


def test_a_model_goes_to_the_server_and_comes_back_whole(server: Server, tmp_path: Path) -> None:
    models = connected(tmp_path / "one", server.url)
    draft = make_model(tmp_path / "model", kind="threshold")
    (tmp_path / "report.html").write_text("<p>fine</p>")
    evidence = {"reports/data.html": (tmp_path / "report.html").as_uri()}
    draft = draft.model_copy(update={"name": "there", "evidence": evidence})
    version = models.register(draft, key=KEY)
    assert version.url == f"{server.url}/#/models/there/versions/1"
    assert httpx.get(version.evidence["reports/data.html"], timeout=NEVER).text == "<p>fine</p>"
    elsewhere = connected(tmp_path / "two", server.url).find("there", "1")
    assert elsewhere is not None
    assert elsewhere.uri != version.uri
    for each in (version, elsewhere):
        assert digest(Path(urlparse(each.uri).path)) == draft.digest
    assert models.register(draft, key=KEY) == version


def test_what_was_changed_on_the_server_is_not_taken(server: Server, tmp_path: Path) -> None:
    draft = make_model(tmp_path / "model", kind="threshold").model_copy(update={"name": "changed"})
    connected(tmp_path / "one", server.url).register(draft, key=KEY)
    kept = [each for each in server.folder.rglob("MLmodel") if digest(each.parent) == draft.digest]
    kept[0].write_text(kept[0].read_text() + " ")
    with pytest.raises(InvalidRequest, match=draft.digest):
        connected(tmp_path / "two", server.url).find("changed", "1")


def test_promotions_race_over_the_server_and_one_wins(server: Server, tmp_path: Path) -> None:
    models = connected(tmp_path, server.url)
    draft = make_model(tmp_path / "model", kind="threshold").model_copy(update={"name": "raced"})
    keys = [RunKey(run=f"run-{number}", step="register") for number in range(4)]
    versions = [models.register(draft, key=key) for key in keys]
    calls = [((each, ALIAS), {"replacing": None, "by": each.version}) for each in versions]
    with crowd(models, "promote", calls) as strangers:
        told = [each.told() for each in strangers]
    won = [each for each, answer in zip(versions, told, strict=True) if answer is None]
    assert len(won) == 1, told
    assert {type(answer) for answer in told} == {type(None), Conflict}
    assert models.resolve("raced", ALIAS) == won[0]
    assert [move.version for move in models.history("raced", ALIAS)] == [won[0].version]


def test_a_server_that_is_down_for_a_while_is_unavailable_and_nothing_is_lost(
    server: Server, tmp_path: Path
) -> None:
    models = connected(tmp_path, server.url)
    draft = make_model(tmp_path / "model", kind="threshold").model_copy(update={"name": "patient"})
    version = models.register(draft, key=KEY)
    server.stop()
    try:
        calls: list[Callable[[], object]] = [
            lambda: models.resolve("patient", ALIAS),
            lambda: models.promote(version, ALIAS, replacing=None),
            lambda: models.register(draft, key=KEY.next()),
        ]
        for call in calls:
            with pytest.raises(Unavailable) as caught:
                call()
            assert caught.value.retryable
    finally:
        server.start()
    models.promote(version, ALIAS, replacing=None)
    assert models.resolve("patient", ALIAS) == version
    assert models.register(draft, key=KEY.next()).version == "2"


@contextmanager
def answering(status: int, body: str, kind: str) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer to everything, and what credentials it was shown."""
    shown: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", shown
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def said(code: str) -> str:
    return json.dumps({"error_code": code, "message": "as told"})


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, "<html>sign in</html>", "text/html"), Denied),
        ((403, said("PERMISSION_DENIED"), "application/json"), Denied),
        ((404, "<html>no such page</html>", "text/html"), InvalidRequest),
        ((400, said("INVALID_PARAMETER_VALUE"), "application/json"), InvalidRequest),
        # MLflow's client retries by itself, and then tells a 429 from a 503 in words only
        ((429, said("REQUEST_LIMIT_EXCEEDED"), "application/json"), Unavailable),
        ((500, said("INTERNAL_ERROR"), "application/json"), Unavailable),
        ((503, "<html>back soon</html>", "text/html"), Unavailable),
        ((404, said("RESOURCE_DOES_NOT_EXIST"), "application/json"), NotFound),
    ],
)
def test_what_a_server_says_is_sorted_by_what_to_do_next(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, str, str],
    error: type[ProviderError],
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with answering(*answer) as (url, _):
        models = connected(tmp_path, url)
        with pytest.raises(error) as caught:
            models.history("bench", ALIAS)
    assert caught.value.__cause__ is not None
    assert (caught.value.provider, caught.value.operation) == ("local", "models.history")


def test_the_token_is_shown_to_its_server_and_stays_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "somebody-else")
    empty = json.dumps({"model_versions": []})
    with answering(200, empty, "application/json") as (url, shown):
        models = connected(tmp_path, url, token="correct horse")
        assert list(models.history("bench", ALIAS)) == []
    assert set(shown) == {"Bearer correct horse"}
    assert os.environ["MLFLOW_TRACKING_TOKEN"] == "somebody-else"
    assert "correct horse" not in repr(models)
