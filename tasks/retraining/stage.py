"""Ask for a retrain, within the limits that hold for every reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import ObjectStore
from tasks import showing
from tasks.watch.asking import tell_request
from tasks.watch.ledger import AGAIN, WatchLedger
from tasks.watch.policy import Decision
from tasks.watch.spec import WatchSpec


@task(name="ask", task_run_name="ask for a retrain of {endpoint}", cache_policy=NO_CACHE)
def ask_for_retrain(
    store: ObjectStore,
    spec: WatchSpec,
    *,
    endpoint: str,
    model: str,
    because: str,
    tell_again: bool = False,
) -> Decision:
    """Ask, and show what was decided; asked again while a request is in flight, it says so."""
    ledger, tell = WatchLedger(store, endpoint), partial(tell_request, endpoint)
    now, again = datetime.now(UTC), timedelta(0) if tell_again else AGAIN
    decision = ledger.ask(spec, model=model, now=now, tell=tell, because=[because], again=again)
    asked = "A release is asked for" if decision.request else "Refused"
    rows = [
        {
            "asked": f"{each.request.at:%Y-%m-%d %H:%M}",
            "because": "; ".join(each.request.reasons),
            "answered": "yes" if each.closed else "not yet",
        }
        for each in reversed(ledger.asked())
    ]
    why = decision.why_not or "; ".join(decision.request.reasons if decision.request else ())
    showing.table("retrain", rows, f"{endpoint}: {because}. {asked}: {why}")
    showing.logger().info("%s: %s: %s", endpoint, asked, why)
    return decision
