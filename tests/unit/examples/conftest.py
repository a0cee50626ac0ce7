"""The flights, prepared once for all tests of the example."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.flights.prepare import prepare


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    prepare(folder)
    return folder
