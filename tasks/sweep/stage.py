"""Look for what nobody wants any more; take it away if asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks import showing
from tasks.sweep.found import SweepReport
from tasks.sweep.places import Places
from tasks.sweep.removal import sweep_places
from tasks.sweep.spec import SweepSpec


@task(name="sweep", cache_policy=NO_CACHE)
def sweep_platform(
    places: Places,
    spec: SweepSpec,
    *,
    remove: bool,
    who: str,
    why: str,
    unseen: Sequence[str] = (),
) -> SweepReport:
    """Return what exists and what was removed; show both beside the run."""
    now = datetime.now(UTC)
    report = sweep_places(places, spec, now=now, remove=remove, who=who, why=why, unseen=unseen)
    showing.table("sweep", report.table(), report.title)
    for each in report.removed:
        showing.logger().info("removed %s", each)
    for each in (*report.failed, *report.unseen):
        showing.logger().warning("%s", each)
    return report
