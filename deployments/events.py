"""Which events start which deployment of a specification."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect.events import DeploymentEventTrigger, Posture

from deployments.receiver.notices import DATA, TAGGED
from tasks.specification.spec import ReleaseSpec
from tasks.watch.asking import ASKED

BURST = timedelta(minutes=1)  # of many events about one thing within this time, the first counts


def release_when(spec: ReleaseSpec) -> list[DeploymentEventTrigger]:
    """Start the release that answers a request to retrain."""
    endpoint = spec.rollout.endpoint
    return [
        DeploymentEventTrigger(
            name=f"bluewater: release {spec.name} when a retrain is asked for",
            description="The request names the run, so that one told twice is answered once.",
            expect={ASKED},
            match={"prefect.resource.id": f"bluewater.endpoint.{endpoint}"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=BURST,
            parameters={"request": _text("{{ event.payload.id | default('of an unknown id') }}")},
        )
    ]


def retrain_when(spec: ReleaseSpec) -> list[DeploymentEventTrigger]:
    """Ask for a retrain when training data arrive, or a version is tagged ``retrain``."""
    arrived = DeploymentEventTrigger(
        name=f"bluewater: ask for a retrain of {spec.name} when data arrive",
        expect={DATA},
        match={"prefect.resource.id": f"bluewater.data.{spec.data.train}*"},
        posture=Posture.Reactive,
        threshold=1,
        within=BURST + spec.watch.gather,
        schedule_after=spec.watch.gather,
        parameters={"because": _text("{{ event.resource.name }} arrived")},
    )
    tagged = DeploymentEventTrigger(
        name=f"bluewater: ask for a retrain of {spec.name} when a version is tagged",
        expect={TAGGED},
        match={"prefect.resource.id": f"bluewater.model.{spec.name}", "bluewater.tag": "retrain"},
        posture=Posture.Reactive,
        threshold=1,
        within=BURST,
        parameters={"because": _text("a version was tagged: {{ event.payload.value }}")},
    )
    return [arrived, tagged]


def _text(template: str) -> dict[str, Any]:
    return {"__prefect_kind": "jinja", "template": template}
