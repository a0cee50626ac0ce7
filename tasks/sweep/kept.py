"""Objects that nobody will read again: checkpoints of runs that are over, and old captures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

from blocks.contracts import ObjectInfo, Window
from tasks.sweep.found import Found, Standing
from tasks.sweep.places import Places
from tasks.sweep.runs import Runs
from tasks.sweep.spec import SweepSpec
from tasks.sweep.variants import journalled

CHECKPOINTS, CAPTURES = "checkpoints", "captures"
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


def kept(
    places: Places,
    runs: Runs,
    busy: Collection[str],
    endpoints: Sequence[str],
    spec: SweepSpec,
    *,
    now: datetime,
) -> Iterator[Found]:
    """Yield what is kept; ``busy`` are runs of which something still computes."""
    for name, objects in _checkpoints(places).items():
        newest = max(each.modified for each in objects).astimezone(UTC)
        run = runs.releases.get(name)
        standing, why = Standing.UNKNOWN, f"there is no run {name}"
        if run is not None:
            over = "" if name in busy else run.over(now, spec.abandoned_after, since=newest)
            standing, why = Standing.WANTED, over or "its run may go on from them"
            if over and now - max(run.ended or newest, newest) >= spec.checkpoints_kept:
                standing = Standing.ORPHAN
        yield _found(places, CHECKPOINTS, name, objects, standing=standing, why=why, since=newest)
    yield from _captures(places, {*endpoints, *journalled(places.store)}, spec, now)


def _checkpoints(places: Places) -> dict[str, list[ObjectInfo]]:
    place = f"{places.store.root}/runs/"
    found: dict[str, list[ObjectInfo]] = defaultdict(list)
    for each in places.store.walk(place):
        name, _, rest = each.uri.removeprefix(place).partition("/")
        if rest.startswith("checkpoints/"):
            found[name].append(each)
    return found


def _captures(
    places: Places, endpoints: Collection[str], spec: SweepSpec, now: datetime
) -> Iterator[Found]:
    if not places.monitor.features.captures:
        return
    until = now - spec.captures_kept
    for name in sorted(endpoints):
        window = Window(start=_BEGINNING, end=until)
        old = [each for each in places.monitor.captures(name, window) if each.modified < until]
        if old:
            yield _found(
                places,
                CAPTURES,
                name,
                old,
                standing=Standing.ORPHAN,
                why=f"older than {spec.captures_kept.days} days",
                since=min(each.modified for each in old).astimezone(UTC),
            )


def _found(
    places: Places,
    kind: str,
    name: str,
    objects: Sequence[ObjectInfo],
    *,
    standing: Standing,
    why: str,
    since: datetime,
) -> Found:
    return Found(
        provider=places.store.provider,
        kind=kind,
        name=name,
        standing=standing,
        why=why,
        since=since,
        size=sum(each.size for each in objects),
        uris=tuple(each.uri for each in objects),
    )
