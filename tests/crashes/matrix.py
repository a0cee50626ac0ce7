"""Kills every kind of process in every stage of a release, and says what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.testing.waiting import until
from tests.chains.command import run
from tests.crashes.machine import machine, took
from tests.crashes.releases import Command, NeverEnds, Release, finish, reach
from tests.crashes.table import STAGES, Counts, Kill, Outcome, Platform, Row
from tests.crashes.victims import VICTIMS, Victim, hold_reply
from tests.crashes.world import NAME, World, world_of

Keep = Callable[[Platform], None]
GONE_WITHIN = 180.0  # seconds that a version may take to leave its endpoint


def crash(
    provider: str,
    folder: Path,
    victims: Sequence[str],
    *,
    stages: Sequence[str] = STAGES,
    tell: Callable[[str], None],
    keep: Keep = lambda _: None,
) -> Platform:
    """Play a platform and kill these kinds of process on it; take it down; return what was seen.

    A kind that needs models to be registered in MLflow, where the cloud's own registry is not that,
    has a world of its own. ``keep`` is given what was seen so far, after each kind.
    """
    wanted = [each for each in VICTIMS if each.name in victims]
    none_here = {each.name: why for each in wanted if (why := each.none_here(provider))}
    seen = Platform(name=provider, rows=(), none_here=none_here, left=None)
    for mlflow in (False, True):
        these = [each for each in wanted if each.by_mlflow(provider) is mlflow]
        if these := [each for each in these if each.name not in none_here]:
            place = folder / ("mlflow" if mlflow else "own")
            place.mkdir()
            with world_of(provider, place, mlflow=mlflow) as world:
                tell(f"{provider}: a first version is live")
                for victim in these:
                    began = time.monotonic()
                    row = _row(world, victim, stages)
                    row = row.model_copy(update={"on": machine(), "took": took(began)})
                    tell(f"{provider}: {row.killed}: {_told(row)}")
                    seen = seen.model_copy(update={"rows": (*seen.rows, row)})
                    keep(seen)
                left = (*(seen.left or ()), *_taken_down(world))
                seen = seen.model_copy(update={"left": left})
                keep(seen)
    return seen


def _row(world: World, victim: Victim, stages: Sequence[str]) -> Row:
    """Kill one kind of process in each stage; a release that ends early is followed by another."""
    before, kills, number = world.counts(), list[Kill](), 0
    while len(kills) < len(stages) and number < len(stages):
        number += 1
        run_ = f"{victim.name.removeprefix('the ').replace(' ', '-').lower()}-{number}"
        kills += _release(world, victim, run_, stages[len(kills) :])
        if kills and kills[-1].outcome is Outcome.LOST:
            break
    counts = world.counts().since(before)
    return Row(killed=victim.name, kills=tuple(kills), releases=number, counts=counts)


def _release(world: World, victim: Victim, run_: str, stages: Sequence[str]) -> list[Kill]:
    """Run one release; return the kills that it met, judged by how it ended."""
    before, struck = _State.of(world), list[tuple[str, int]]()
    hold_reply(world, victim, stages[0])
    release, problem = victim.release(world, run_), ""
    try:
        for number, stage in enumerate(stages):
            if not reach(world, release, run_, stage, before.counts.jobs):
                break
            struck.append((stage, release.starts))
            victim.strike(world, release)
            hold_reply(world, victim, stages[min(number + 1, len(stages) - 1)])
        finish(release)
    except (NeverEnds, TimeoutError) as error:
        problem = str(error)
    outcome, why = (Outcome.LOST, problem) if problem else _judged(world, before, run_)
    return _kills(struck, release, outcome, why, isinstance(release, Command))


def _kills(
    struck: Sequence[tuple[str, int]], release: Release, outcome: Outcome, why: str, command: bool
) -> list[Kill]:
    """Return the kills; the last one before an early end is the one that led to it."""
    starts = [*(number for _, number in struck[1:]), release.starts]
    kills = []
    for (stage, number), later in zip(struck, starts, strict=False):
        last = stage == struck[-1][0]
        kills.append(
            Kill(
                stage=stage,
                outcome=outcome if last or outcome is Outcome.LOST else Outcome.SURVIVED,
                again=later > number,
                why=why if last else "",
            )
        )
    return kills


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What a release finds, and what it leaves."""

    counts: Counts
    traffic: dict[str, int]
    variants: list[str]
    champion: str
    history: list[str]

    @classmethod
    def of(cls, world: World) -> _State:
        models, endpoints = world.models, world.endpoints
        champion = models.resolve(NAME, "champion")
        return cls(
            counts=world.counts(),
            traffic=dict(endpoints.traffic(NAME).percent),
            variants=[each.name for each in endpoints.variants(NAME)],
            champion=champion.version if champion else "",
            history=[move.version for move in models.history(NAME, "champion")],
        )

    def after(self, *, live: bool) -> _State:
        """Return what must be there after one release that went live, or was taken back."""
        made = {"jobs": self.counts.jobs + 1, "versions": self.counts.versions + 1}
        counts = self.counts.model_copy(update=made)
        version = str(counts.versions)
        if not live:
            return _State(
                counts=counts,
                traffic=self.traffic,
                variants=self.variants,
                champion=self.champion,
                history=self.history,
            )
        return _State(
            counts=counts,
            traffic={f"v{version}": 100},
            variants=[f"v{version}"],
            champion=version,
            history=[*self.history, version],
        )


def _judged(world: World, before: _State, run_: str) -> tuple[Outcome, str]:
    """Say what became of a release, by what the provider holds."""
    last: dict[str, Any] = world.journal(run_)[-1] if world.journal(run_) else {"event": "nothing"}
    live = last["event"] == "finished"
    wanted = before.after(live=live)
    try:
        until(lambda: _State.of(world) == wanted, within=GONE_WITHIN, every=1)
    except TimeoutError:
        return Outcome.LOST, f"the journal ends with {last['event']}: {_State.of(world)}"
    if world.emulator is not None and (unknown := world.emulator.unknown()):
        return Outcome.LOST, f"calls that the emulator does not know: {unknown}"
    if live:
        return Outcome.SURVIVED, ""
    if last["event"] == "returned":
        return Outcome.REFUSED, str(last["why"])
    return Outcome.LOST, f"the journal ends with {last['event']}"


def _taken_down(world: World) -> tuple[str, ...]:
    """Take everything down; return what runs on."""
    where = world.where  # gone with the first, where this machine is the platform
    run("down", "--yes", "--platform", "crashes", within=600, **where)
    run("down", "--yes", within=600, **where)  # a cloud's knows nothing of our services
    try:
        until(lambda: not world.left(), within=GONE_WITHIN, every=0.5)
    except TimeoutError:
        return tuple(world.left())
    return ()


def _told(row: Row) -> str:
    return ", ".join(
        f"{kill.stage} {kill.outcome}{' (run again)' if kill.again else ''}"
        f"{f' [{kill.why}]' if kill.why else ''}"
        for kill in row.kills
    )
