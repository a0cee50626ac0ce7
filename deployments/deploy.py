"""Deploy a specification: releases by hand and by event, looks on a schedule.

Makes, on the Prefect server in force, what is missing of: a saved platform, a work pool, a queue of
the endpoint, the deployments of ``prefect.yaml`` filled with the specification, and automations. It
may be repeated; everything is then brought up to date.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.orchestration.routes import ServerRoutes
from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType

from blocks.contracts import Frozen, InvalidRequest
from blocks.platform import Platform
from deployments import automations, events
from deployments.catalogue import Entry, entries
from deployments.pools import ensure_pool
from tasks.specification.spec import ReleaseSpec

HERE = "this-machine"
POOL = "bluewater"


class Deployed(Frozen):
    """A deployment that is there now."""

    name: str  # flow/name
    id: UUID
    when: str  # when it runs, in words


def deploy(
    spec: ReleaseSpec,
    *,
    platform_name: str = HERE,
    pool: str = POOL,
    cron: str | None = None,
    image: str = "",
    variables: Mapping[str, Any] | None = None,
) -> list[Deployed]:
    """Deploy every flow for one specification; ``cron`` says when the watch looks.

    ``image`` and ``variables`` are what the pool's runs are started with.

    Raises InvalidRequest for a platform that is not saved (only the one of this machine is made),
    and for a pool that cannot run these flows.
    """
    platform = ensure_platform(platform_name)
    place = ensure_pool(pool)
    place.require(platform)
    told = place.variables(image=image, given=variables)
    queue = _ensure_turns(pool, spec.rollout.endpoint)
    made = []
    for entry in entries():
        deployment, when = to_deployment(entry, spec, platform, cron=cron)
        deployment.job_variables = told
        if entry.takes_turns:
            deployment.work_queue_name = queue
        id_ = deployment.apply(work_pool_name=pool)
        name = f"{deployment.flow_name}/{deployment.name}"
        made.append(Deployed(name=name, id=id_, when=when))
    rollback = next(each.id for each in made if each.name.startswith("rollback/"))
    ensure_automations(spec, rollback)
    return made


def to_deployment(
    entry: Entry, spec: ReleaseSpec, platform: Platform, *, cron: str | None = None
) -> tuple[RunnerDeployment, str]:
    """Return an entry's deployment, filled with a specification, and in words when it runs.

    A flow that is about a whole platform is deployed once, as ``default``.
    """
    flow, ours = entry.flow(), not entry.platform_wide
    values = _values(flow.name, spec, platform) if ours else {"platform": platform}
    given = {name: value for name, value in values.items() if name in flow.parameters.properties}
    crons = [cron] if cron and entry.schedules and ours else [each.cron for each in entry.schedules]
    triggers = _triggers(flow.name, spec)
    made: RunnerDeployment = flow.to_deployment(
        name=spec.name if ours else "default",
        parameters=given,
        description=entry.description,
        tags=[*entry.tags, *([spec.name, f"endpoint:{spec.rollout.endpoint}"] if ours else [])],
        concurrency_limit=entry.concurrency,
        entrypoint_type=EntrypointType.MODULE_PATH,
        cron=crons or None,
        triggers=triggers,
    )
    when = ["by hand", *(f"on schedule: {each}" for each in crons)]
    when += [f"on {', '.join(sorted(each.expect))}" for each in triggers]
    return made, "; ".join(when)


def ensure_platform(name: str) -> Platform:
    """Return a saved platform; the one of this machine is made if it is not there."""
    try:
        return cast(Platform, Platform.load(name))
    except ValueError as error:
        if name != HERE:
            raise InvalidRequest(
                f"platform {name!r} is no saved block; make it with `python -m "
                f"deployments.documents {name} --provider PROVIDER`, or in Prefect's UI"
            ) from error
    made = Platform(name="this machine")
    made.save(name)
    return made


def ensure_automations(spec: ReleaseSpec | None = None, rollback: UUID | None = None) -> None:
    """Make the automations that hold for all runs, and those of a specification."""
    wanted = [automations.resume_killed(), automations.notice_dead()]
    if spec is not None and rollback is not None:
        stuck = automations.return_stuck(spec.rollout, rollback)
        wanted += [stuck] if stuck else []
    for each in wanted:
        automations.ensure(each)


def _ensure_turns(pool: str, endpoint: str) -> str:
    """Make the queue whose runs go one at a time: whatever changes the endpoint waits in it."""
    name = f"endpoint-{endpoint}"
    queues: ServerRoutes = "/work_pools/{work_pool_name}/queues"
    queue: ServerRoutes = "/work_pools/{work_pool_name}/queues/{name}"
    wanted, place = {"name": name, "concurrency_limit": 1}, {"work_pool_name": pool, "name": name}
    with get_client(sync_client=True) as client:
        try:
            client.request("POST", queues, path_params=place, json=wanted)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.CONFLICT:
                raise
            client.request("PATCH", queue, path_params=place, json=wanted)
    return name


def _values(flow: str, spec: ReleaseSpec, platform: Platform) -> Mapping[str, Any]:
    content = spec.watch if flow == "watch" else spec
    return {
        "platform": platform,
        "spec": content.model_dump(mode="json"),
        "endpoint": spec.rollout.endpoint,
        "model": spec.name,
        "alias": spec.alias,
    }


def _triggers(flow: str, spec: ReleaseSpec) -> list[Any]:
    wanted = {"release": events.release_when, "retrain": events.retrain_when}
    return wanted[flow](spec) if flow in wanted else []
