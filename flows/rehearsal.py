"""A release against a provider that is played on this machine, under load and faults."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blocks import registry
from blocks.contracts import CONTRACTS, Endpoints, Frozen, InvalidRequest
from blocks.platform import Platform
from blocks.rehearsal import Calls, Rehearsal
from flows.callers import Callers
from flows.inventories import inventories
from flows.release import ReleaseReport, release
from flows.surroundings import surroundings
from tasks.specification.checks import secret_names
from tasks.specification.loading import load, load_and_check

SHORT = (  # minutes become seconds; what is decided, and on which evidence, stays what it is
    "rollout.step_duration=PT5S",
    "rollout.step_requests=1",
    "rollout.patience=PT20S",
    "rollout.on_little_traffic=go_on",
    "rollout.look_every=PT1S",
    "rollout.bake=PT5S",
    "rollout.rules.warm_up=PT2S",
)
DELETED_WITHIN = 60.0  # seconds
SHORT_SHADOW = "rollout.shadow.duration=PT8S"


class RehearsalReport(Frozen):
    """What a rehearsal found."""

    provider: str
    release: ReleaseReport
    calls: tuple[Calls, ...]  # of the provider's API, of both releases
    faults: Mapping[str, int]  # how often each has happened
    answers: Mapping[str, int]  # requests of the second release, by HTTP status; 0 = no answer
    removed: int  # resources that taking down removed
    left: tuple[str, ...]  # what computes or bills after that: nothing, if all is well


def rehearse(
    provider: str,
    specification: Path,
    *,
    changes: Sequence[str] = (),
    faults: Sequence[str] = (),
    spot_trace: Path | None = None,
    permissions: Path | None = None,
    per_second: float = 20.0,
    short: bool = True,
) -> RehearsalReport:
    """Release twice, a first time in peace; take everything down; tell what was called and met.

    Raises what a release raises, and InvalidRequest for a provider or a fault that is not there.
    """
    kind = player(provider, faults)
    if short:
        said = any(change.startswith("rollout.shadow") for change in changes)
        shadow = not said and load(specification, changes=changes).rollout.shadow
        changes = [*SHORT, *([SHORT_SHADOW] if shadow else []), *changes]
    with (
        tempfile.TemporaryDirectory(prefix="bluewater-rehearsal-") as folder,
        kind(Path(folder), faults=faults, spot_trace=spot_trace, permissions=permissions) as world,
        _in(world.environment()),
    ):
        return _rehearsed(provider, world, specification, changes, per_second)


def player(provider: str, faults: Sequence[str] = ()) -> type[Rehearsal]:
    """Return what plays a provider. Raises InvalidRequest for what is not there."""
    entry = registry.provider(provider)
    if entry.rehearsal is None:
        raise InvalidRequest(f"provider {provider!r} cannot be rehearsed")
    kind: type[Rehearsal] = registry.load(entry.rehearsal, extra=entry.rehearsal_extra)
    if unknown := [name for name in faults if name not in kind.faults]:
        known = ", ".join(kind.faults) or "none"
        raise InvalidRequest(f"fault {unknown[0]!r}: {provider} has no such fault; known: {known}")
    return kind


def platform_of(provider: str) -> Platform:
    """Return a platform on which one provider does all it can.

    The rest is done by the provider that stands beside it, or by this machine.
    """
    entry = registry.provider(provider)
    able = [entry, *([registry.provider(entry.beside)] if entry.beside else [])]
    refs = {}
    for contract in CONTRACTS:
        name = contract.capability
        fallback = None if contract.optional else "local"
        doer = next((each.name for each in able if name in each.capabilities), fallback)
        if doer is not None:
            refs[name] = f"{doer}-{name}"
    return Platform(name=f"rehearsal of {provider}", **refs)


def _rehearsed(
    provider: str,
    world: Rehearsal,
    specification: Path,
    changes: Sequence[str],
    per_second: float,
) -> RehearsalReport:
    for name in secret_names(load(specification, changes=changes)).values():
        world.keep_secret(name, secrets.token_urlsafe(24))
    platform = platform_of(provider)
    around = surroundings(platform)
    spec = load_and_check(specification, around, changes=changes)
    release(platform, spec, run="rehearsal-1")
    world.strike()
    endpoints = platform.connect(Endpoints)
    with Callers(endpoints, around.store, spec, per_second=per_second) as callers:
        second = release(platform, spec, run="rehearsal-2")
    removed = _taken_down(platform)
    return RehearsalReport(
        provider=provider,
        release=second,
        calls=tuple(world.calls()),
        faults=world.met(),
        answers={str(status): count for status, count in callers.answers.items()},
        removed=removed,
        left=_left(world),
    )


def _taken_down(platform: Platform) -> int:
    found, _ = inventories(platform)
    owned = [(each, resource) for each in found.values() for resource in each.owned()]
    for inventory, resource in owned:
        inventory.remove(resource)
    return len(owned)


def _left(world: Rehearsal) -> tuple[str, ...]:
    """Return what still runs, after the time that a cloud may take to delete."""
    end = time.monotonic() + DELETED_WITHIN
    while (left := tuple(world.left())) and time.monotonic() < end:
        time.sleep(0.2)
    return left


@contextmanager
def _in(environment: Mapping[str, str]) -> Iterator[None]:
    before: dict[str, Any] = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
