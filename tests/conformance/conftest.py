"""Runs every conformance test against every provider that keeps the contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import Contract
from blocks.emulation.launch import Emulator
from blocks.testing import crowd
from blocks.testing.bench import Bench

CASES = {"done": "done", "never": "nevers", "failing": "failing"}  # argument, and field of words


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests of a module with CONTRACT one case per provider that keeps it.

    Those that take ``words`` get the providers that have words for what can go wrong there; those
    that take one of ``CASES``, a case for each of these words.
    """
    if "bench" not in metafunc.fixturenames:
        return
    contract = metafunc.module.CONTRACT
    capability = contract.capability
    names = [
        name for name in registry.PROVIDERS if capability in registry.provider(name).capabilities
    ]
    wanted = [argument for argument in CASES if argument in metafunc.fixturenames]
    if wanted or "words" in metafunc.fixturenames:
        names = [name for name in names if words_of(name, capability) is not None]
    if not wanted:
        given = [pytest.param(name, marks=_marks(name, contract)) for name in names]
        metafunc.parametrize("bench", given, indirect=True)
        return
    [argument] = wanted
    cases = [
        pytest.param(name, case, marks=_marks(name, contract), id=f"{name}-{case}")
        for name in names
        for case in getattr(words_of(name, capability), CASES[argument])
    ]
    metafunc.parametrize(("bench", argument), cases, indirect=["bench"])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have strangers know the providers that are going to be tested."""
    cases = (getattr(item, "callspec", None) for item in session.items)
    crowd.expect({case.params["bench"] for case in cases if case and "bench" in case.params})


def words_of(provider: str, capability: str) -> Any:
    """Return a provider's words for what can go wrong with a kind of work; None without any."""
    path = registry.provider(provider).words
    return getattr(registry.load(path), capability, None) if path else None


def _marks(name: str, contract: type[Contract]) -> list[pytest.MarkDecorator]:
    """Return that a case is a slow one if nearly all of it is the class of the provider beside.

    A world that takes a module besides is left out where that is not installed.
    """
    entry = registry.provider(name)
    marks = [pytest.mark.slow] if _is_alike(entry, contract) else []
    if entry.emulated_with and not _is_installed(entry.emulated_with):
        marks.append(pytest.mark.skip(reason=f"{entry.emulated_with} is not installed"))
    return marks


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _is_alike(entry: registry.Provider, contract: type[Contract]) -> bool:
    beside = entry.beside
    if not beside or contract.capability not in registry.provider(beside).capabilities:
        return False
    return issubclass(
        registry.implementation(entry.name, contract), registry.implementation(beside, contract)
    )


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Return a fresh world of one provider; nothing of it may run on afterwards."""
    with registry.load(registry.provider(request.param).bench)(tmp_path) as bench:
        yield bench


@pytest.fixture
def words(request: pytest.FixtureRequest) -> Any:
    """Return the provider's words for what can go wrong with this kind of work."""
    name = request.node.callspec.params["bench"]
    return words_of(name, request.module.CONTRACT.capability)


@pytest.fixture
def emulator(bench: Any) -> Emulator:
    """Return the emulated cloud that a world is in."""
    found: Emulator = bench.emulator
    return found


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
