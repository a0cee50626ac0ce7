"""A world of EC2 for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.providers.aws.ec2.training import Ec2Training


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    with registry.load(registry.provider("aws-ec2").bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def training(bench: Any) -> Callable[..., Ec2Training]:
    """Return a function that gives training with other machines than the bench's."""

    def made(account: dict[str, Any] | None = None, **machines: Any) -> Ec2Training:
        return Ec2Training(
            account=bench.account.model_copy(update=account or {}),
            machines=bench.machines.model_copy(update=machines),
        )

    return made
