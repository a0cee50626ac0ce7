"""What exists, judged: by its run, by the traffic it has, by its age.

Things are listed before journals and runs are read. Who makes something writes that down first, so
whatever is listed and wanted is known to be by the time it is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from blocks.contracts import Inventory, ProviderError, Resource
from tasks.sweep.found import Found, Standing
from tasks.sweep.kept import kept
from tasks.sweep.places import Places
from tasks.sweep.runs import Runs
from tasks.sweep.spec import SweepSpec
from tasks.sweep.variants import variants

ENDPOINT, BATCH = "endpoint", "batch-job"
OF_RELEASES = ("training-job", "processing-job")  # they write below the run that asked for them
LOST = {
    "instance": "a machine that no job knows",
    "process": "a process that nothing knows by a name",
}

Verdict = tuple[Standing, str]


def look(
    places: Places, spec: SweepSpec, *, now: datetime, unseen: list[str] | None = None
) -> Iterator[Found]:
    """Yield everything that runs or is kept, with what is to be thought of it.

    An inventory that cannot be read is named in ``unseen`` and does not hide the others.
    """
    listed = [
        (inventory.provider, each)
        for inventory in places.inventories
        for each in _owned(inventory, unseen if unseen is not None else [])
    ]
    serving = places.endpoints.provider
    served = [each for provider, each in listed if each.endpoint and provider == serving]
    yield from variants(places, served, spec, now=now)
    runs = Runs(places.store)
    for provider, resource in listed:
        if resource.running and not (resource.endpoint and provider == serving):
            standing, why = _judge(resource, runs, spec, now)
            yield _found(places, provider, resource, standing, why)
    busy = {runs.of_output(each.output_uri) for _, each in listed if each.running}
    yield from kept(places, runs, busy, [each.endpoint for each in served], spec, now=now)


def _owned(inventory: Inventory, unseen: list[str]) -> list[Resource]:
    try:
        return list(inventory.owned())
    except ProviderError as error:
        unseen.append(f"{inventory.provider}: {error}")
        return []


def _found(
    places: Places, provider: str, resource: Resource, standing: Standing, why: str
) -> Found:
    cost = places.per_day(resource.machines)
    return Found(
        provider=provider,
        kind=resource.kind,
        name=resource.name,
        standing=standing,
        why=why,
        since=resource.created.astimezone(UTC),
        per_day=cost[0],
        currency=cost[1],
        resource=resource,
    )


def _judge(resource: Resource, runs: Runs, spec: SweepSpec, now: datetime) -> Verdict:
    standing, why = _wanted(resource, runs, spec, now)
    if standing is Standing.ORPHAN and now - resource.created < spec.grace:
        return Standing.WANTED, f"young; {why}"
    return standing, why


def _wanted(resource: Resource, runs: Runs, spec: SweepSpec, now: datetime) -> Verdict:
    """Say whether a run wants it. What may be of another store is left alone."""
    if resource.kind in LOST:
        return Standing.ORPHAN, LOST[resource.kind]
    if resource.kind in OF_RELEASES:
        return _of_release(resource, runs, spec, now)
    if resource.kind == BATCH:
        over = runs.scoring_over(
            resource.output_uri, now, spec.abandoned_after, since=resource.created
        )
        if over is None:
            return Standing.UNKNOWN, "no run of this store scores into that place"
        return (Standing.ORPHAN, over) if over else (Standing.WANTED, "its run goes on")
    if resource.kind == ENDPOINT:
        return _endpoint(resource)
    return Standing.WANTED, "runs for this workspace"


def _of_release(resource: Resource, runs: Runs, spec: SweepSpec, now: datetime) -> Verdict:
    name = runs.of_output(resource.output_uri)
    if not resource.output_uri:
        return Standing.ORPHAN, "what was asked of it is not known any more"
    if not name:
        return Standing.UNKNOWN, "it writes into another store"
    run = runs.releases.get(name)
    if run is None:
        return Standing.ORPHAN, f"there is no run {name}"
    over = run.over(now, spec.abandoned_after, since=resource.created)
    return (Standing.ORPHAN, over) if over else (Standing.WANTED, f"run {name} goes on")


def _endpoint(resource: Resource) -> Verdict:
    if resource.endpoint:
        return Standing.UNKNOWN, "of a provider that this platform does not serve with"
    return Standing.ORPHAN, "servers of an endpoint that nobody asked for"
