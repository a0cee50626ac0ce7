"""Where the traffic of a window is counted: here, or by a job near what was captured."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.contracts import (
    Cost,
    InvalidRequest,
    Monitor,
    ObjectStore,
    Prices,
    ProcessingJobs,
    RunKey,
    Window,
)
from tasks.drift.axes import Axes
from tasks.processing.job import done_by_a_job, used
from tasks.processing.spec import ScanSpec
from tasks.watch.part import Found, Question, part_of, traffic_of
from tasks.watch.traffic import Observe, Traffic, observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose traffic is counted, and where it is kept."""

    monitor: Monitor
    store: ObjectStore
    endpoint: str
    variant: str  # empty: all of them
    axes: Axes


def observing(place: Place, near: ScanSpec | None, jobs: ProcessingJobs | None) -> Observe:
    """Return what counts the traffic of a window; the same is found wherever it is done.

    Raises InvalidRequest if it is to be done near, and there is nothing that processes.
    """
    if near is None:
        return lambda window: _here(place, window)
    if jobs is None:
        raise InvalidRequest(
            "watch.near: there is nothing that processes here; leave it out", code="PROCESSING"
        )
    return lambda window: _near(place, near, jobs, window)


def cost_near(
    store: ObjectStore, endpoint: str, window: Window, prices: Prices | None
) -> Cost | None:
    """Return what counting a window near it has cost; None if that is not known, or was not so."""
    found = used(store, [_counted(store, endpoint, window)])
    return prices.cost(found[0]) if prices is not None and found else None


def _here(place: Place, window: Window) -> Traffic:
    captures = place.monitor.captures(place.endpoint, window)
    return observed(place.store, captures, window, axes=place.axes, variant=place.variant)


def _near(place: Place, near: ScanSpec, jobs: ProcessingJobs, window: Window) -> Traffic:
    captures = place.monitor.captures(place.endpoint, window)
    if not captures:
        return observed(place.store, (), window, axes=place.axes)
    question = Question(
        captures=tuple(captures),
        window=window,
        axes=place.axes,
        variant=place.variant,
        place=_counted(place.store, place.endpoint, window),
    )
    found = done_by_a_job(
        jobs,
        place.store,
        near,
        part_of(question, spark=near.spark),
        key=RunKey(run=f"watch-{place.endpoint}", step=_span(window)),
    )
    return traffic_of(place.store, Found.model_validate_json(found))


def _counted(store: ObjectStore, endpoint: str, window: Window) -> str:
    return f"{store.root}/watch/{endpoint}/counted/{_span(window)}"


def _span(window: Window) -> str:
    return f"{window.start:%Y%m%dT%H%M%SZ}-{window.end:%Y%m%dT%H%M%SZ}"
