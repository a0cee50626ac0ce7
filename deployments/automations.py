"""What the Prefect server does by itself: starts killed runs again, ends rollouts that got stuck.

Each is made, or brought up to date, under its name; doing so again changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from uuid import UUID

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events import EventTrigger, Posture
from prefect.events.actions import ChangeFlowRunState, RunDeployment

from tasks.rollout.driver import ENDED, MOVED
from tasks.rollout.spec import RolloutSpec

TAG = "bluewater"
OURS = {
    "prefect.resource.role": "tag",
    "prefect.resource.id": f"prefect.tag.{TAG}",
}
SETTLED = timedelta(
    seconds=30
)  # a worker reports one crash twice, the second time up to 20 s later
SILENT = timedelta(minutes=3)  # heartbeats come twice a minute; a busy machine may miss some
STARTS = ("0", "1", "2", "3")  # runs that were started more often than that stay crashed
MARGIN = timedelta(minutes=15)
ENDS = ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended")


def resume_killed() -> Automation:
    """Half a minute after a crash, schedule the run again, three times at most."""
    return Automation(
        name="bluewater: start killed runs again",
        description="A run whose process was killed goes on where it was, three times at most.",
        tags=[TAG],
        trigger=EventTrigger(
            after={"prefect.flow-run.Crashed"},
            expect={"prefect.flow-run.*"},
            match={
                "prefect.resource.id": "prefect.flow-run.*",
                "prefect.run-count": list(STARTS),
            },
            match_related=OURS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SETTLED,
        ),
        actions=[ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", force=True)],
    )


def notice_dead(silent: timedelta = SILENT) -> Automation:
    """Call a run crashed whose heartbeat has stopped: nobody was left to say so."""
    return Automation(
        name="bluewater: notice runs whose machine is gone",
        description=f"Without a heartbeat for {silent} a run counts as crashed.",
        tags=[TAG],
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={
                "prefect.flow-run.heartbeat",
                *(f"prefect.flow-run.{state}" for state in ENDS),
            },
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=OURS,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silent,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message="No heartbeat: the machine, or its worker, is gone.",
            )
        ],
    )


def return_stuck(
    spec: RolloutSpec, rollback: UUID, margin: timedelta = MARGIN
) -> Automation | None:
    """Give an endpoint back to the version before when its rollout goes neither on nor to its end.

    ``rollback`` is the deployment that does it. None where a step may last as long as it likes.
    """
    silence = spec.longest_silence
    if silence is None:
        return None
    within = silence + margin
    return Automation(
        name=f"bluewater: return the rollout of {spec.endpoint} when it is stuck",
        description=f"Nothing was written down for {within}: nobody drives this rollout.",
        tags=[TAG],
        trigger=EventTrigger(
            after={MOVED},
            expect={MOVED, ENDED},
            match={"prefect.resource.id": f"bluewater.endpoint.{spec.endpoint}"},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[
            RunDeployment(
                deployment_id=rollback,
                parameters={
                    "why": f"the rollout was stuck: nothing happened for {within}",
                    "unfinished_only": True,
                },
            )
        ],
    )


def ensure(wanted: Automation) -> None:
    """Make the automation, or bring the one of its name up to date."""
    try:
        found = cast(Automation, Automation.read(name=wanted.name))
    except ValueError:
        _ = wanted.create()
    else:
        wanted.id = found.id
        _ = wanted.update()
