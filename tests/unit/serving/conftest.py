"""Servers that several tests ask, started once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.contracts import Serving
from tests.unit.serving.servers import Server, guarded, probe, serving

TOKEN = "a-long-secret"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return probe(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    """A server without limits."""
    rules = Serving(user_header="x-user", timeout=timedelta(seconds=30))
    with serving(tmp_path_factory.mktemp("open"), model, serving=rules) as server:
        yield server


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    """A server with a limit on everything."""
    rules = Serving(
        token_secret="probes-token",
        timeout=timedelta(seconds=3),  # for what has to be in time, too
        max_payload_bytes=2000,
        requests_per_second=1,
        concurrency=2,
    )
    place = tmp_path_factory.mktemp("strict")
    with serving(place, model, guarded(TOKEN), serving=rules) as server:
        yield server
