"""Roll a model version out, step by step, and take it back when it is worse, or when asked."""

from __future__ import annotations

from datetime import timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import InvalidRequest, ModelVersion
from tasks.log_fields import about
from tasks.promotion.promotion import previous
from tasks.rollout.driver import Driver, Ports, Wish
from tasks.rollout.journal import Entry, Event, Journal, is_open
from tasks.rollout.report import RolloutReport
from tasks.rollout.rollout import Rollout
from tasks.rollout.spec import RolloutSpec
from tasks.waiting import Pace


@task(name="roll out", task_run_name="roll out to {spec.endpoint}", cache_policy=NO_CACHE)
def roll_out(
    ports: Ports,
    spec: RolloutSpec,
    model: ModelVersion,
    *,
    alias: str,
    run: str,
    beaten: str | None = None,
    pace: Pace | None = None,
) -> RolloutReport:
    """Bring a version to all traffic, or back to none.

    May be run again at any time with the same ``run``, by any process: it goes on from the
    journal. ``beaten`` is the champion that the version was compared with (empty: there was none).

    Raises:
        ChampionMoved: another version became champion since; nothing was deployed.
        RolloutInProgress: another run's rollout is open.
        TakenUp: another process has taken this one over.
    """
    wish = Wish(model=model, alias=alias, run=run, spec=spec, beaten=beaten)
    driver = Driver(ports, wish, pace or Pace(every=spec.look_every))
    with about(run=run, step="roll out", endpoint=spec.endpoint, version=model.version):
        return Rollout(driver).through()


@task(name="take back", task_run_name="take back {endpoint}", cache_policy=NO_CACHE)
def take_back(
    ports: Ports,
    endpoint: str,
    *,
    why: str,
    run: str,
    unfinished_only: bool = False,
    pace: Pace | None = None,
) -> RolloutReport:
    """Give the endpoint, and the alias, to the version before.

    In the middle of a rollout, that is the version which has the rest of the traffic; whoever
    drives the rollout stops. After it, the version before is deployed again and gets everything at
    once; with ``unfinished_only``, nothing is done. Raises InvalidRequest if there is none.
    """
    entries = Journal(ports.store, endpoint, by=run).current()
    begun = entries[0] if entries else None
    if begun is None or begun.spec is None or begun.green is None:
        raise InvalidRequest(f"endpoint {endpoint!r} has had no rollout; check its name")
    pace = pace or Pace(every=timedelta(seconds=1))
    if is_open(entries) or unfinished_only:
        wish = Wish(model=begun.green.model, alias=begun.alias, run=begun.run, spec=begun.spec)
        return Rollout(Driver(ports, wish, pace)).back(why)
    before = _version_before(ports, begun, entries[-1])
    at_once = {"steps": (100,), "shadow": None, "bake": timedelta(0)}
    wish = Wish(
        model=before, alias=begun.alias, run=run, spec=begun.spec.model_copy(update=at_once)
    )
    return Rollout(Driver(ports, wish, pace)).through()


def _version_before(ports: Ports, begun: Entry, last: Entry) -> ModelVersion:
    """Return the version that served before the one that serves now."""
    name = begun.green.model.name if begun.green else ""
    if last.event is Event.RETURNED:
        raise InvalidRequest(
            f"the last rollout of {name!r} was returned already: {last.why}; to go further back, "
            "name a version: `bluewater rollout SPECIFICATION --version N`"
        )
    found = previous(ports.models, name, begun.alias)
    if found is None:
        raise InvalidRequest(
            f"{name!r} has no version before the one that serves: alias {begun.alias!r} named no "
            "other that still counts"
        )
    return found
