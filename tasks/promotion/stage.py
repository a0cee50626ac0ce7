"""Move an alias with everybody watching: promote, return, and set it right."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import Endpoints, ModelRegistry, ModelVersion
from tasks import showing
from tasks.promotion.promotion import (
    Promoted,
    planned_return,
    promote_to_champion,
    return_to_previous,
)
from tasks.promotion.reconcile import Agreement, Reconciliation, settle_alias
from tasks.promotion.report import card, moves
from tasks.waiting import Pace, patiently

_WITHIN = timedelta(minutes=10)  # a registry may be down for a while


@task(name="promote", task_run_name="promote {model.name} to {alias}", cache_policy=NO_CACHE)
def promote_model(
    models: ModelRegistry,
    model: ModelVersion,
    alias: str,
    *,
    beaten: ModelVersion | None,
    run: str,
    pace: Pace | None = None,
) -> Promoted:
    """Point the alias at a version. Raises Conflict if another champion came meanwhile."""
    promote = partial(promote_to_champion, models, model, alias, beaten=beaten, by=run)
    promoted = patiently(promote, within=_WITHIN, pace=pace or Pace())
    _show(models, promoted)
    return promoted


@task(name="return", task_run_name="return {alias} of {name}", cache_policy=NO_CACHE)
def return_model(
    models: ModelRegistry, name: str, alias: str, *, run: str, pace: Pace | None = None
) -> Promoted:
    """Point the alias at the version before. Each run of this goes one version further back."""
    pace = pace or Pace()
    planned = patiently(partial(planned_return, models, name, alias), within=_WITHIN, pace=pace)
    back = partial(return_to_previous, models, planned, by=run)
    promoted = patiently(back, within=_WITHIN, pace=pace)
    _show(models, promoted)
    return promoted


@task(name="settle alias", task_run_name="settle {alias} of {name}", cache_policy=NO_CACHE)
def settle_alias_of(
    models: ModelRegistry,
    endpoints: Endpoints,
    name: str,
    alias: str,
    *,
    endpoint: str,
    rollout_open: bool,
    run: str,
    pace: Pace | None = None,
) -> Reconciliation:
    """See that the alias names the version that serves."""
    settle = partial(
        settle_alias,
        models,
        endpoints,
        name,
        alias,
        endpoint=endpoint,
        rollout_open=rollout_open,
        by=run,
    )
    found = patiently(settle, within=_WITHIN, pace=pace or Pace())
    if found.agreement is not Agreement.AGREED:
        showing.logger().warning("%s of %s: %s", alias, name, found.why)
    return found


def _show(models: ModelRegistry, promoted: Promoted) -> None:
    version, alias = promoted.version, promoted.alias
    history = models.history(version.name, alias)
    showing.page(f"{alias}-model", card(promoted), f"{version.name}, version {version.version}")
    showing.table(f"{alias}-history", moves(history), f"Every move of {alias}, newest first")
    if version.url:
        showing.link(f"{alias}-link", version.url, f"{version.name}, version {version.version}")
