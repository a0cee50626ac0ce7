"""``bluewater rollout``: bring a registered version to an endpoint, step by step."""

from __future__ import annotations

from pathlib import Path

from flows.exits import Exit
from flows.rollout import rollout
from flows.session import platform
from flows.terminal import exits, tell_rollout
from tasks.rollout.driver import NoWayBack
from tasks.rollout.journal import RolloutInProgress, TakenUp
from tasks.specification.loading import load


@exits((RolloutInProgress, Exit.BUSY), (TakenUp, Exit.BUSY), (NoWayBack, Exit.CHALLENGER))
def run(
    *,
    specification: Path,
    version: str,
    changes: tuple[str, ...],
    run: str,
    platform_name: str | None,
    as_json: bool,
) -> Exit:
    """Bring a registered version to the endpoint of SPECIFICATION (a YAML file)."""
    spec = load(specification, changes=changes)
    report = rollout(platform(platform_name), spec, version, run=run)
    tell_rollout(report, as_json=as_json)
    return Exit.OK if report.live else Exit.RETURNED
