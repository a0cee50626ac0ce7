"""Deployed variants: those with traffic, those of a rollout, and those that nobody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from blocks.contracts import ObjectStore, Resource, Traffic
from tasks.rollout.journal import Entry, Journal, is_open
from tasks.sweep.found import Found, Standing
from tasks.sweep.places import Places
from tasks.sweep.spec import SweepSpec

KIND = "variant"
_BY = "sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One endpoint as it was seen."""

    name: str
    traffic: Traffic
    entries: Sequence[Entry]
    resource: Resource | None  # as the inventory lists it, if it does

    def verdict(self, variant: str) -> tuple[Standing, str]:
        """Say whether anybody wants a variant."""
        if share := self.traffic.share(variant):
            return Standing.WANTED, f"has {share} % of the traffic"
        if self.traffic.mirror is not None and self.traffic.mirror.variant == variant:
            return Standing.WANTED, "gets copies of requests"
        if is_open(self.entries):
            return Standing.WANTED, f"the rollout of run {self.entries[0].run} is open"
        return Standing.ORPHAN, "no traffic, and no rollout that would give it any"

    def since(self, variant: str, now: datetime) -> datetime:
        """Return since when a variant is as it is: the end of its rollout, else the endpoint's."""
        first = self.entries[0] if self.entries else None
        if first is not None and variant in (first.blue, first.green and first.green.variant):
            return self.entries[-1].at
        return self.resource.created.astimezone(UTC) if self.resource else now


def variants(
    places: Places, served: Sequence[Resource], spec: SweepSpec, *, now: datetime
) -> Iterator[Found]:
    """Yield every variant of every endpoint, and endpoints that have none."""
    listed = {each.endpoint: each for each in served}
    for name in sorted({*listed, *journalled(places.store)}):
        deployed = places.endpoints.variants(name)
        scene = Scene(
            name=name,
            traffic=places.endpoints.traffic(name),
            entries=Journal(places.store, name, by=_BY).current(),  # read last: see `look`
            resource=listed.get(name),
        )
        for variant in deployed:
            yield _found(places, scene, variant.name, spec, now)
        if not deployed and scene.resource is not None and scene.resource.running:
            yield _empty(places, scene, scene.resource, spec, now)


def journalled(store: ObjectStore) -> set[str]:
    """Return the names of the endpoints that ever had a rollout."""
    prefix = f"{store.root}/rollouts/"
    return {each.uri.removeprefix(prefix).partition("/")[0] for each in store.walk(prefix)}


def still_unwanted(places: Places, found: Found) -> bool:
    """Look once more, right before it goes: a rollout may have begun meanwhile."""
    entries = Journal(places.store, found.endpoint, by=_BY).current()
    return not is_open(entries)


def _found(places: Places, scene: Scene, variant: str, spec: SweepSpec, now: datetime) -> Found:
    standing, why = scene.verdict(variant)
    since = scene.since(variant, now)
    machines = scene.resource.machines if scene.resource else ()
    cost = places.per_day([each for each in machines if each.variant == variant])
    if standing is Standing.ORPHAN and now - since < spec.grace:
        standing, why = Standing.WANTED, f"young; {why}"
    return Found(
        provider=places.endpoints.provider,
        kind=KIND,
        name=f"{scene.name}/{variant}",
        standing=standing,
        why=why,
        since=since,
        per_day=cost[0],
        currency=cost[1],
        endpoint=scene.name,
        variant=variant,
    )


def _empty(
    places: Places, scene: Scene, resource: Resource, spec: SweepSpec, now: datetime
) -> Found:
    """An endpoint that runs, and of which nothing is wanted: a crash, or another store's."""
    since = scene.since("", now)
    standing, why = Standing.UNKNOWN, "this store has never rolled anything out to it"
    if scene.entries:
        standing, why = Standing.ORPHAN, "it runs, and no variant of it is wanted"
    if standing is Standing.ORPHAN and (is_open(scene.entries) or now - since < spec.grace):
        standing = Standing.WANTED
    return Found(
        provider=places.endpoints.provider,
        kind=resource.kind,
        name=resource.name,
        standing=standing,
        why=why,
        since=since,
        resource=resource,
        endpoint=scene.name,
    )
