"""A world of batch transform for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("aws-transform").bench)(tmp_path) as bench:
        yield bench
