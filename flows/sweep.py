"""Look for what runs or is kept and is wanted by nobody; take it away if asked."""

from __future__ import annotations

from prefect import flow

from blocks.contracts import Endpoints, Monitor, ObjectStore, Prices
from blocks.platform import Platform
from flows.inventories import inventories
from tasks.audit.entries import this_process
from tasks.sweep.found import SweepReport
from tasks.sweep.places import Places
from tasks.sweep.spec import SweepSpec
from tasks.sweep.stage import sweep_platform


@flow(name="sweep", flow_run_name="sweep {platform.name}", log_prints=False)
def sweep(
    platform: Platform,
    spec: SweepSpec | None = None,
    remove: bool = False,
    why: str = "scheduled",
) -> SweepReport:
    """List what exists on a platform against what should; with ``remove``, remove the rest.

    Only what carries our owner's mark is ever listed, and what may be of another store stays.

    Args:
        platform: Where to look.
        spec: How old a thing must be to count as left behind.
        remove: Remove what is found; else it is only listed.
        why: A reason that the audit log keeps.
    """
    places, unseen = to_places(platform)
    who = this_process()
    return sweep_platform(
        places, spec or SweepSpec(), remove=remove, who=who, why=why, unseen=unseen
    )


def to_places(platform: Platform) -> tuple[Places, list[str]]:
    """Return what a sweep works through, and which inventories could not be connected."""
    found, unseen = inventories(platform)
    places = Places(
        inventories=tuple(found.values()),
        endpoints=platform.connect(Endpoints),
        monitor=platform.connect(Monitor),
        store=platform.connect(ObjectStore),
        prices=platform.connect(Prices),
    )
    return places, unseen
