"""Runs every conformance test against every provider that keeps the contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import Contract
from blocks.testing.bench import Bench


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests of a module with CONTRACT one case per provider that keeps it."""
    if "bench" in metafunc.fixturenames:
        contract = metafunc.module.CONTRACT
        names = [
            name
            for name in registry.PROVIDERS
            if contract.capability in registry.provider(name).capabilities
        ]
        cases = [pytest.param(name, marks=_marks(name, contract)) for name in names]
        metafunc.parametrize("bench", cases, indirect=True)


def _marks(name: str, contract: type[Contract]) -> list[pytest.MarkDecorator]:
    """Return that a case is a slow one if nearly all of it is the class of the provider beside."""
    beside = registry.provider(name).beside
    if not beside or contract.capability not in registry.provider(beside).capabilities:
        return []
    alike = issubclass(
        registry.implementation(name, contract), registry.implementation(beside, contract)
    )
    return [pytest.mark.slow] if alike else []


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
