"""Make a model's reference; look at an endpoint, and ask for a retrain when it is time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import (
    InvalidRequest,
    Monitor,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    ObjectStore,
    Prices,
    ProcessingJobs,
    ProviderError,
    RunKey,
    Sample,
    TrainingResult,
    Window,
)
from tasks import showing
from tasks.data import DataSpec
from tasks.drift.performance import Measured
from tasks.memory import recall, remember
from tasks.processing.job import done_by_a_job
from tasks.processing.spec import ScanSpec
from tasks.transfer.sources import lies_here
from tasks.transfer.upload import upload
from tasks.watch import plots, reference
from tasks.watch.asking import tell_request
from tasks.watch.ledger import WatchLedger
from tasks.watch.look import Look, window_before
from tasks.watch.observing import Place, cost_near, observing
from tasks.watch.policy import Seen
from tasks.watch.profile_near import REFUSALS, made
from tasks.watch.profile_part import Question, ReferenceMade, part_of
from tasks.watch.report import WatchReport
from tasks.watch.spec import WatchSpec

DRAWN = 30  # looks on a picture


@task(name="profile", task_run_name="profile", cache_policy=NO_CACHE)
def profile_reference(
    store: ObjectStore,
    spec: WatchSpec,
    data: DataSpec,
    *,
    training: TrainingResult,
    run: str,
    jobs: ProcessingJobs | None = None,
) -> ReferenceMade:
    """Profile what a model was trained on, to be kept with its version.

    Raises:
        InvalidRequest: it is to be done near the data, and there is nothing that processes.
        ProcessingFailed: the job near the data ended without an answer.
    """
    place = f"{store.root}/runs/{run}/watch"
    question = Question(spec=spec, data=data, training=training, place=place)
    near = spec.profile_near

    def make() -> ReferenceMade:
        return made(question, store) if near is None else _near(jobs, store, near, question, run)

    return remember(store, f"{place}/made.json", ReferenceMade, make)


def _near(
    jobs: ProcessingJobs | None, store: ObjectStore, near: ScanSpec, question: Question, run: str
) -> ReferenceMade:
    if jobs is None:
        raise InvalidRequest(
            "watch.profile_near: there is nothing that processes here; leave it out",
            code="PROCESSING",
        )
    part, key = part_of(question), RunKey(run=run, step="profile")
    found = done_by_a_job(jobs, store, near, part, key=key, refusals=REFUSALS)
    return ReferenceMade.model_validate_json(found)


@task(name="watch", task_run_name="watch {endpoint}", cache_policy=NO_CACHE)
def watch_endpoint(
    monitor: Monitor,
    store: ObjectStore,
    spec: WatchSpec,
    *,
    endpoint: str,
    reference_uri: str,
    captured: ObjectStore | None = None,
    variant: str = "",
    monitors: MonitoringSchedules | None = None,
    baseline_uri: str = "",
    jobs: ProcessingJobs | None = None,
    prices: Prices | None = None,
    now: datetime | None = None,
) -> WatchReport:
    """Look at the newest whole window before ``now``; looking twice finds, and asks, the same.

    ``captured`` is the store that has the endpoint's traffic, where that is another one. The
    platform's own monitor, if there is one, is kept to its schedule and told of; what it finds
    asks for nothing, and what ails it keeps nothing up.

    Raises:
        InvalidRequest: traffic is to be counted near it, and there is nothing that processes.
        ProcessingFailed: the job near the traffic ended without an answer.
    """
    moment = now or datetime.now(UTC)
    window = window_before(moment, spec)
    place = f"{store.root}/watch/{endpoint}/reports"
    known, there = reference.read(store, reference_uri), captured or store
    axes = known.profile.axes
    where = Place(monitor=monitor, store=there, endpoint=endpoint, variant=variant, axes=axes)
    observe = observing(where, spec.near, jobs)
    look = Look(observe=observe, store=store, spec=spec, endpoint=endpoint, reference=known)
    earlier = _reports(store, place, window)
    report = look.report(window, earlier)
    if spec.near is not None:
        cost = cost_near(there, endpoint, window, prices)
        report = report.model_copy(update={"cost": cost})
    try:
        looks = _other_looks(monitors, there, spec, report, baseline_uri)
    except ProviderError as error:  # our own look needs none of it
        report = report.model_copy(update={"monitor_problem": str(error)})
    else:
        report = report.model_copy(update={"monitor": tuple(looks)})
    before = recall(store, f"{place}/{_name(window)}.json", WatchReport)
    report = _decided(store, spec, report, moment, before)
    report = _drawn(store, place, [*earlier, report])
    store.write(f"{place}/{_name(window)}.json", report.model_dump_json().encode())
    _record(monitor, report)
    _show(report, store)
    return report


def _other_looks(
    monitors: MonitoringSchedules | None,
    store: ObjectStore,
    spec: WatchSpec,
    report: WatchReport,
    baseline_uri: str,
) -> Sequence[MonitorLook]:
    """Keep the platform's own monitor to its schedule, or stop it; return its looks."""
    if monitors is None:
        return ()
    if spec.monitor is None:
        monitors.stop(report.endpoint)
        return ()
    here = lies_here(store, baseline_uri)
    monitors.ensure(
        MonitoringSchedule(
            endpoint=report.endpoint,
            baseline_uri=upload(store, here) if here else baseline_uri,
            output_uri=f"{store.root}/watch/{report.endpoint}/monitor",
            every=spec.monitor.every,
            checks=spec.monitor.checks,
            machine=spec.monitor.machine,
        )
    )
    return monitors.looks(report.endpoint, report.window)


def _decided(
    store: ObjectStore,
    spec: WatchSpec,
    report: WatchReport,
    now: datetime,
    known: WatchReport | None,
) -> WatchReport:
    ledger = WatchLedger(store, report.endpoint)
    if report.judged or report.causes:
        ledger.note(Seen(model=report.model, window=report.window, causes=report.causes))
    tell = partial(tell_request, report.endpoint)
    decision = ledger.ask(spec, model=report.model, now=now, tell=tell)
    if decision.request is None and known is not None and known.request is not None:
        return report.model_copy(update={"request": known.request})  # an earlier look asked it
    return report.model_copy(update={"request": decision.request, "why_not": decision.why_not})


def _reports(store: ObjectStore, place: str, window: Window) -> list[WatchReport]:
    """Return the looks before this window, oldest first, as many as are drawn."""
    name = f"{place}/{_name(window)}.json"
    uris = sorted(each.uri for each in store.walk(place) if each.uri.endswith(".json"))
    newest = [uri for uri in uris if uri < name][-DRAWN:]
    return [each for uri in newest if (each := recall(store, uri, WatchReport)) is not None]


def _drawn(store: ObjectStore, place: str, reports: Sequence[WatchReport]) -> WatchReport:
    """Draw the looks so far; return the last one with its pictures."""
    last = reports[-1]
    made = {}
    if any(report.judged for report in reports):
        made["drift"] = plots.drift(reports)
    if any(report.estimate or report.with_labels for report in reports):
        made["performance"] = plots.performance(reports)
    name = _name(last.window)
    uris = {kind: store.write(f"{place}/{name}-{kind}.png", png).uri for kind, png in made.items()}
    return last.model_copy(update={"plots": uris})


def _record(monitor: Monitor, report: WatchReport) -> None:
    labels = {"endpoint": report.endpoint, "model": report.model}
    guess = report.estimate
    values: dict[str, float | None] = {
        "watch.rows": report.rows,
        "watch.alarms": len({each.column for each in report.alarms}) if report.judged else None,
        "watch.estimated_auc": guess.auc if guess else None,
        "watch.domain_auc": guess.domain_auc if guess else None,
    }
    for metric, value in values.items():
        if value is not None:
            sample = Sample(at=report.window.start, value=value)
            monitor.record(metric, [sample], labels=labels)
    for past in report.with_labels:
        found = past.measured
        value = found.auc if isinstance(found, Measured) else found.error if found else None
        if value is not None:
            name = "watch.measured_auc" if isinstance(found, Measured) else "watch.measured_error"
            monitor.record(name, [Sample(at=past.window.start, value=value)], labels=labels)
    for column in report.columns:
        if column.jensen_shannon is not None:
            sample = Sample(at=report.window.start, value=column.jensen_shannon)
            monitor.record("watch.drift", [sample], labels={**labels, "column": column.column})


def _show(report: WatchReport, store: ObjectStore) -> None:
    title = f"{report.endpoint}: drift and performance"
    pictures = {uri: store.read(uri) for uri in report.plots.values()}
    showing.page("watch", report.markdown(), title, pictures=pictures)
    if rows := report.drift_rows():
        showing.table("watch-columns", rows, f"{report.endpoint}: how each column changed")
    if report.monitor_problem:
        showing.logger().warning("the platform's own monitor: %s", report.monitor_problem)
    showing.logger().info(
        "%s: %d rows, %d alarms, %s",
        report.endpoint,
        report.rows,
        len(report.alarms),
        report.why_not or "a retrain is asked for",
    )


def _name(window: Window) -> str:
    return f"{window.start:%Y%m%dT%H%M%SZ}"
