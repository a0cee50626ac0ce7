"""The alias, for everybody to see: what it names, and that this is what serves."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import Endpoints, ModelRegistry, ModelVersion, ObjectStore
from tasks import showing
from tasks.audit.entries import Act, Deed, this_process
from tasks.audit.log import AuditLog
from tasks.promotion.reconcile import Agreement, Reconciliation, settle_alias
from tasks.promotion.report import card, moves
from tasks.rollout.journal import Journal, is_open
from tasks.waiting import OUTAGE, Pace, patiently


@task(name="settle alias", task_run_name="settle {alias} of {name}", cache_policy=NO_CACHE)
def settle_alias_of(
    models: ModelRegistry,
    endpoints: Endpoints,
    store: ObjectStore,
    name: str,
    alias: str,
    *,
    endpoint: str,
    by: str,
    pace: Pace | None = None,
) -> Reconciliation:
    """See that the alias names the version that serves; a crash may have parted them."""

    def tell(seen: Reconciliation) -> None:
        version = seen.to.version if seen.to else ""
        deed = Deed(
            id=f"alias/{name}/{uuid.uuid4().hex}",
            act=Act.PROMOTION,
            subject=name,
            what=f"{alias} names version {version}, which serves",
            who=this_process(),
            why=seen.why,
            run=by,
            at=datetime.now(UTC),
        )
        AuditLog(store).append(deed)

    def settle() -> Reconciliation:
        rollout_open = is_open(Journal(store, endpoint, by=by).current())
        return settle_alias(
            models,
            endpoints,
            name,
            alias,
            endpoint=endpoint,
            rollout_open=rollout_open,
            by=by,
            tell=tell,
        )

    found = patiently(settle, within=OUTAGE, pace=pace or Pace())
    if found.agreement is Agreement.FOLLOWS:
        showing.logger().warning("alias %s of %s was set right: %s", alias, name, found.why)
    elif found.agreement is not Agreement.AGREED:
        showing.logger().info("alias %s of %s stays: %s", alias, name, found.why)
    return found


def show_champion(models: ModelRegistry, version: ModelVersion, alias: str) -> None:
    """Show the version that an alias names now, beside the run that moved it."""
    history = models.history(version.name, alias)
    replaced = history[-1].replaced if history else None
    before = models.find(version.name, replaced) if replaced else None
    title = f"{version.name}, version {version.version}"
    showing.page(f"{alias}-model", card(version, alias, before=before), title)
    showing.table(f"{alias}-history", moves(history), f"Every move of {alias}, newest first")
    if version.url:
        showing.link(f"{alias}-link", version.url, title)
