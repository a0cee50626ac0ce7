"""Taking away what nobody wants, said in the audit log before it is done."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from blocks.contracts import Inventory, ProviderError
from tasks.audit.entries import Act, Deed
from tasks.audit.log import AuditLog
from tasks.sweep.found import Found, Standing, SweepReport
from tasks.sweep.look import look
from tasks.sweep.places import Places
from tasks.sweep.spec import SweepSpec
from tasks.sweep.variants import still_unwanted


class NotRemoved(Exception):
    """It is still there, and the message says why."""


def sweep_places(
    places: Places,
    spec: SweepSpec,
    *,
    now: datetime,
    remove: bool,
    who: str,
    why: str = "",
    unseen: Iterable[str] = (),
) -> SweepReport:
    """Return what exists; with ``remove``, take away what nobody wants.

    What cannot be removed is told, and does not hold up the rest. Running it again goes on.
    """
    missed = [*unseen]
    found = tuple(look(places, spec, now=now, unseen=missed))
    removed: list[str] = []
    failed: list[str] = []
    for each in found if remove else ():
        if each.standing is Standing.ORPHAN:
            name = f"{each.kind} {each.name}"
            _account_for(places, each, who=who, why=why, now=now)
            try:
                _remove(places, each)
            except (ProviderError, NotRemoved) as error:
                failed.append(f"{name}: {error}")
            else:
                removed.append(name)
    return SweepReport(
        at=now, found=found, removed=tuple(removed), failed=tuple(failed), unseen=tuple(missed)
    )


def _account_for(places: Places, found: Found, *, who: str, why: str, now: datetime) -> None:
    deed = Deed(
        id=f"sweep/{uuid.uuid4().hex}",
        act=Act.SWEEP,
        subject=found.name,
        what=f"{found.kind} of {found.provider} is removed: {found.why}",
        who=who,
        why=why,
        at=now,
    )
    AuditLog(places.store).append(deed)


def _remove(places: Places, found: Found) -> None:
    if found.variant:
        if not still_unwanted(places, found):
            raise NotRemoved("a rollout has begun meanwhile")
        places.endpoints.retire(found.endpoint, found.variant)  # Conflict, if it has traffic now
    elif found.resource is not None:
        if found.endpoint and not still_unwanted(places, found):
            raise NotRemoved("a rollout has begun meanwhile")
        _inventory(places, found.provider).remove(found.resource)
    for uri in found.uris:
        places.store.remove(uri)


def _inventory(places: Places, provider: str) -> Inventory:
    return next(each for each in places.inventories if each.provider == provider)
