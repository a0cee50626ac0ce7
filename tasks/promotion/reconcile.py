"""Alias and live traffic may part for a moment, never for good: which of the two is right.

1. While a rollout is open, its journal decides and the alias stays where it is: whoever takes the
   rollout up moves it, forward or back. Nobody else may.
2. Otherwise the version with all the live traffic is right, because it is what callers get, and the
   alias follows it. This mends a process that died between moving traffic and moving the alias, and
   an alias that somebody moved by hand without a rollout.
3. If live traffic is split without a rollout, or nothing is live, there is nothing to follow: the
   alias stays, and a person is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from blocks.contracts import (
    Conflict,
    Endpoints,
    Frozen,
    ModelRegistry,
    ModelVersion,
    Traffic,
    Variant,
)

_TRIES = 3


class Agreement(StrEnum):
    """How alias and live traffic stand to each other."""

    AGREED = "agreed"
    FOLLOWS = "follows"  # the alias is to be moved to what serves
    WAITS = "waits"  # a rollout is open; it will say
    UNDECIDED = "undecided"  # there is no one version that serves


class Reconciliation(Frozen):
    """What is to be done about an alias, and why."""

    agreement: Agreement
    why: str
    to: ModelVersion | None = None  # where the alias is to go, if it FOLLOWS
    replacing: ModelVersion | None = None  # where it was seen


def reconcile(
    pointed: ModelVersion | None,
    traffic: Traffic,
    variants: Sequence[Variant],
    *,
    rollout_open: bool,
) -> Reconciliation:
    """Decide from what was seen at the registry, at the endpoint and in the rollout's journal."""
    if rollout_open:
        return _stay(Agreement.WAITS, "a rollout is open; it moves the alias when it ends", pointed)
    live = {name: share for name, share in traffic.percent.items() if share}
    if not live:
        return _stay(Agreement.UNDECIDED, "no variant has traffic", pointed)
    if len(live) > 1:
        shares = ", ".join(f"{name} {share} %" for name, share in sorted(live.items()))
        why = f"traffic is split ({shares}) without a rollout; give one variant all of it"
        return _stay(Agreement.UNDECIDED, why, pointed)
    serving = next((each.model for each in variants if each.name in live), None)
    if serving is None:
        why = f"{next(iter(live))} has the traffic and is not deployed; look at the endpoint"
        return _stay(Agreement.UNDECIDED, why, pointed)
    return _compare(pointed, serving)


def settle_alias(
    models: ModelRegistry,
    endpoints: Endpoints,
    name: str,
    alias: str,
    *,
    endpoint: str,
    rollout_open: bool,
    by: str,
    tell: Callable[[Reconciliation], None] = lambda _: None,
) -> Reconciliation:
    """Look, decide, and move the alias where it has to follow. May be repeated at any time.

    ``tell`` is told of a move before it is made.

    ``rollout_open`` must have been read before this is called, so that a rollout that begins
    meanwhile finds the alias at a version that had the traffic.
    """
    for attempt in range(_TRIES):
        seen = reconcile(
            models.resolve(name, alias),
            endpoints.traffic(endpoint),
            endpoints.variants(endpoint),
            rollout_open=rollout_open,
        )
        if seen.to is None:
            break
        tell(seen)
        try:
            models.promote(seen.to, alias, replacing=seen.replacing, by=by)
            break
        except Conflict:  # somebody moved it between our look and our move: look again
            if attempt == _TRIES - 1:
                raise
    return seen


def _compare(pointed: ModelVersion | None, serving: ModelVersion) -> Reconciliation:
    if pointed is not None and pointed.name != serving.name:
        why = f"the endpoint serves {serving.name!r}, which is another model"
        return _stay(Agreement.UNDECIDED, why, pointed)
    if pointed is not None and pointed.version == serving.version:
        why = f"version {serving.version} serves, and the alias says so"
        return _stay(Agreement.AGREED, why, pointed)
    return Reconciliation(
        agreement=Agreement.FOLLOWS,
        why=f"version {serving.version} serves, the alias says "
        f"{pointed.version if pointed else 'none'}",
        to=serving,
        replacing=pointed,
    )


def _stay(agreement: Agreement, why: str, pointed: ModelVersion | None) -> Reconciliation:
    return Reconciliation(agreement=agreement, why=why, replacing=pointed)
