"""Runs every conformance test against every provider that keeps the contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.testing.bench import Bench


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests of a module with CONTRACT one case per provider that keeps it."""
    if "bench" in metafunc.fixturenames:
        capability = metafunc.module.CONTRACT.capability
        names = [
            name
            for name in registry.PROVIDERS
            if capability in registry.provider(name).capabilities
        ]
        metafunc.parametrize("bench", names, indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Return a fresh world of one provider; nothing of it may run on afterwards."""
    with registry.load(registry.provider(request.param).bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def changed(
    request: pytest.FixtureRequest, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Return a function that gives the provider with other features than it has."""

    def change(**features: Any) -> Any:
        provider = bench.connect(request.module.CONTRACT)
        other = dataclasses.replace(provider.features, **features)
        monkeypatch.setattr(type(provider), "features", other)
        return provider

    return change
