"""Deploy a specification: releases by hand and by event, looks on a schedule.

``python -m deployments.deploy release.yaml`` makes, on the Prefect server in force, what is missing
of: a saved platform, a work pool, the deployments below, and an automation that starts runs again
whose process was killed. It may be repeated; the deployments are then brought up to date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import click
from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    StateType,
)
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger, EventTrigger, Posture
from prefect.events.actions import ChangeFlowRunState
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType
from rich.console import Console
from rich.table import Table

from blocks.platform import Platform
from flows.batch import batch
from flows.release import release
from flows.rollout import rollback, rollout
from flows.watch import watch
from tasks.specification.loading import load
from tasks.specification.problems import SpecificationRefused
from tasks.specification.spec import ReleaseSpec
from tasks.watch.stage import ASKED

RESUME = "bluewater: start killed runs again"
TAG = "bluewater"


@click.command()
@click.argument("specification", type=click.Path(path_type=Path))
@click.option(
    "--platform",
    "platform_name",
    default="this-machine",
    show_default=True,
    help="Saved Platform block; this one is made if it is not there.",
)
@click.option(
    "--pool", default="bluewater", show_default=True, help="Work pool; a process pool if new."
)
@click.option(
    "--watch", "cron", default="7 * * * *", show_default=True, help="When to look, as cron says."
)
def main(specification: Path, platform_name: str, pool: str, cron: str) -> None:
    """Deploy the flows for SPECIFICATION (a YAML file) to the Prefect server in force."""
    try:
        spec = load(specification)
    except SpecificationRefused as error:
        raise click.ClickException(str(error)) from error
    platform = _platform(platform_name)
    _ensure_pool(pool)
    shown = Table("deployment", "when it runs", title=f"Deployments of {spec.name}")
    for each, when in deployments(spec, platform, cron=cron):
        each.apply(work_pool_name=pool)
        shown.add_row(f"{each.flow_name}/{each.name}", when)
    _ensure_resume()
    Console().print(shown)
    Console().print(f"Now start a worker where the work is to run: prefect worker start -p {pool}")


def deployments(
    spec: ReleaseSpec, platform: Platform, *, cron: str
) -> Iterator[tuple[RunnerDeployment, str]]:
    """Yield each deployment of a specification, and in words when it runs."""
    content, endpoint = spec.model_dump(mode="json"), spec.rollout.endpoint
    asked = DeploymentEventTrigger(
        name=f"a retrain is asked for: {endpoint}",
        expect={ASKED},
        match={"prefect.resource.id": f"bluewater.endpoint.{endpoint}"},
        posture=Posture.Reactive,
        threshold=1,
    )
    whole = {"platform": platform, "spec": content}
    yield (
        _made(release, spec.name, whole, triggers=[asked]),
        f"by hand, and when the event {ASKED} comes from endpoint {endpoint}",
    )
    yield _made(rollout, spec.name, whole), "by hand, with a version"
    yield _made(rollback, spec.name, {"platform": platform, "endpoint": endpoint}), "by hand"
    looking = {
        "platform": platform,
        "endpoint": endpoint,
        "spec": spec.watch.model_dump(mode="json"),
        "alias": spec.alias,
    }
    yield _made(watch, spec.name, looking, cron=cron), f"on schedule: {cron}"
    scoring = {"platform": platform, "model": spec.name, "alias": spec.alias}
    yield _made(batch, spec.name, scoring), "by hand, with data, output and machine"


def _made(flow: Any, name: str, parameters: dict[str, Any], **more: Any) -> RunnerDeployment:
    """Return a deployment of which one run goes at a time; a second one is cancelled."""
    made: RunnerDeployment = flow.to_deployment(
        name=name,
        parameters=parameters,
        tags=[TAG, name],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        entrypoint_type=EntrypointType.MODULE_PATH,
        **more,
    )
    return made


def _platform(name: str) -> Platform:
    try:
        return cast(Platform, Platform.load(name))
    except ValueError as error:
        if name != "this-machine":
            raise click.ClickException(
                f"--platform {name}: no Prefect block bluewater-platform/{name}; save one first"
            ) from error
    made = Platform(name="this machine")
    made.save(name)
    return made


def _ensure_pool(name: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(name)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=name, type="process"))


def _ensure_resume() -> None:
    """Make the automation: half a minute after a crash the run is scheduled again, three times.

    It is proactive because a worker reports one crash twice, the second time up to 20 s later.
    """
    try:
        _ = Automation.read(name=RESUME)
    except ValueError:
        _ = Automation(
            name=RESUME,
            trigger=EventTrigger(
                after={"prefect.flow-run.Crashed"},
                expect={"prefect.flow-run.*"},
                match={
                    "prefect.resource.id": "prefect.flow-run.*",
                    "prefect.run-count": ["0", "1", "2"],
                },
                match_related={
                    "prefect.resource.role": "tag",
                    "prefect.resource.id": f"prefect.tag.{TAG}",
                },
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=timedelta(seconds=30),
            ),
            actions=[
                ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", force=True)
            ],
        ).create()


if __name__ == "__main__":
    main()
