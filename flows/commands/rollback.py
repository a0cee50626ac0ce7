"""``bluewater rollback``: return an endpoint to the version before."""

from __future__ import annotations

from flows.exits import Exit
from flows.rollout import rollback
from flows.session import platform
from flows.terminal import exits, tell_rollout
from tasks.rollout.driver import NoWayBack
from tasks.rollout.journal import TakenUp


@exits((TakenUp, Exit.BUSY), (NoWayBack, Exit.USAGE))
def run(*, endpoint: str, why: str, platform_name: str | None, as_json: bool) -> Exit:
    """Return ENDPOINT, and the registry's alias, to the version before.

    In the middle of a rollout this ends it; whoever drives it stops.
    """
    report = rollback(platform(platform_name), endpoint, why=why)
    tell_rollout(report, as_json=as_json)
    return Exit.OK
