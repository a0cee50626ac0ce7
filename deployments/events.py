"""Which events start which deployment of a specification."""

from __future__ import annotations

import glob
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
        description="Of many files within a minute the first counts; the run waits for the others.",
        expect={DATA},
        match={"prefect.resource.id": f"bluewater.data.{glob.escape(spec.data.train)}*"},
        posture=Posture.Reactive,
        threshold=1,
        within=BURST + spec.watch.gather,
        schedule_after=spec.watch.gather,
        parameters={"because": _text("{{ event.resource.name }} arrived")},
    )
    tagged = DeploymentEventTrigger(
        name=f"bluewater: ask for a retrain of {spec.name} when a version is tagged",
        description="The tag is `retrain`, of any version; its value is the reason.",
        expect={TAGGED},
        match={"prefect.resource.id": f"bluewater.model.{spec.name}", "bluewater.tag": "retrain"},
        posture=Posture.Reactive,
        threshold=1,
        within=BURST,
        parameters={"because": _text("a version was tagged: {{ event.payload.value }}")},
    )
    return [arrived, tagged, _again(spec.name)]


def _again(name: str) -> DeploymentEventTrigger:
    """Ask again when Prefect could not start what an event should have started.

    On SQLite it gives up at once when its data base is locked, as it is in a burst of events. This
    one is among those it looks after: it tries until it is through.
    """
    ours = (
        f"release {name} when",
        f"ask for a retrain of {name} when",
        f"ask again for {name} when",
    )
    return DeploymentEventTrigger(
        name=f"bluewater: ask again for {name} when an event was lost",
        description="The server was too busy to start what an event should have started.",
        expect={"prefect.automation.action.failed"},
        match={"prefect.resource.name": [f"bluewater: {each} *" for each in ours]},
        posture=Posture.Reactive,
        threshold=1,
        within=BURST,
        schedule_after=BURST,
        parameters={"because": "an event came while the server was busy", "tell_again": True},
    )


def _text(template: str) -> dict[str, Any]:
    return {"__prefect_kind": "jinja", "template": template}
