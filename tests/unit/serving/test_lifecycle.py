"""How a server begins and ends."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from blocks.contracts import Serving
from blocks.serving.__main__ import main
from blocks.testing.waiting import until
from tests.unit.serving.servers import (
    PROBE_SIGNATURE,
    ROW,
    Server,
    coded,
    config_of,
    probe,
    serving,
)


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """Take back what the program sets up for its own process."""
    before = logging.root.level, list(logging.root.handlers)
    yield
    logging.root.level, logging.root.handlers = before[0], before[1]


def begin(place: Path, folder: Path, **changes: Any) -> Result:
    """Start a server that is expected to refuse, in this process."""
    file = place / "server.json"
    file.write_text(config_of(place, folder, **changes).model_dump_json())
    return CliRunner().invoke(main, ["--config", str(file)])


def takes_no_more(server: Server) -> bool:
    """Whether it says that it is not ready, or, some time later, does not listen any more."""
    try:
        return server.get("/ready").status_code == 503
    except httpx.TransportError:
        return True


def test_what_is_in_flight_is_answered_before_the_end(tmp_path: Path, model: Path) -> None:
    gate = tmp_path / "gate"
    with serving(tmp_path / "server", model) as server, ThreadPoolExecutor(1) as callers:
        late = callers.submit(server.ask, {**ROW, "note": f"wait:{gate}"})
        until(Path(f"{gate}.begun").exists)
        server.signal(signal.SIGTERM)
        until(lambda: takes_no_more(server))
        gate.touch()
        assert late.result().json() == {"predictions": [0.25]}
        assert server.process.wait() == 0
        assert sum(tick.requests for tick in server.ticks()) == 1
        assert len(server.captures()) == 1


def test_a_model_that_hangs_does_not_keep_the_server(tmp_path: Path, model: Path) -> None:
    rules = Serving(timeout=timedelta(seconds=0.2))
    with serving(tmp_path / "server", model, serving=rules) as server:
        answer = server.ask({**ROW, "note": f"wait:{tmp_path / 'never'}"})
        assert answer.status_code == 504
        assert server.stop() == 0
        assert sum(tick.errors for tick in server.ticks()) == 1


def test_a_model_with_another_digest_is_not_loaded(tmp_path: Path) -> None:
    model = probe(tmp_path / "changed")
    registered = config_of(tmp_path, model).model
    with next((model / "code").glob("*.py")).open("a") as code:
        code.write("\n# one line more\n")
    result = begin(tmp_path, model, model=registered)
    assert result.exit_code == 1
    assert "register the model again" in result.output
    assert not (tmp_path / "changed.loaded").exists()


def test_a_model_behind_a_link_is_not_loaded(tmp_path: Path) -> None:
    """A folder's digest does not follow links, so what is behind one is not verified."""
    model = probe(tmp_path / "linked")
    (model / "code").rename(tmp_path / "code")
    (model / "code").symlink_to(tmp_path / "code")
    result = begin(tmp_path, model)
    assert result.exit_code == 1
    assert "is a link" in result.output


def test_a_model_that_does_not_load_says_why(tmp_path: Path) -> None:
    model = coded(tmp_path / "bad", "raise OSError('no such weights')", PROBE_SIGNATURE)
    result = begin(tmp_path, model)
    assert result.exit_code == 1
    assert "the model does not load: OSError: no such weights" in result.output


def test_a_port_that_is_taken_is_named(tmp_path: Path, model: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = begin(tmp_path, model, port=port)
    assert result.exit_code == 1
    assert f"port {port}" in result.output
    assert not (tmp_path / "state" / "port").exists()


def test_an_unknown_setting_is_refused(tmp_path: Path, model: Path) -> None:
    file = tmp_path / "server.json"
    text = config_of(tmp_path, model).model_dump_json()
    file.write_text('{"colour": "red",' + text[1:])
    result = CliRunner().invoke(main, ["--config", str(file)])
    assert result.exit_code == 1
    assert "colour" in result.output
