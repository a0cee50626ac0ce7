"""A sweep on every provider that trains, serves and keeps: orphans go, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from blocks import registry
from blocks.contracts import (
    Endpoints,
    Inventory,
    Monitor,
    ObjectStore,
    OperationRef,
    Phase,
    Prices,
    RunKey,
    Traffic,
    TrainingJobs,
)
from blocks.testing.bench import Bench
from tasks.audit.entries import Act
from tasks.audit.log import AuditLog
from tasks.audit.verify import verify
from tasks.rollout.journal import Entry, Event, Journal
from tasks.runs import close_run, open_run
from tasks.sweep.found import Found, Standing, SweepReport
from tasks.sweep.places import Places
from tasks.sweep.removal import sweep_places
from tasks.sweep.spec import SweepSpec

CONTRACT = Inventory
NEEDED = (TrainingJobs, Endpoints, Monitor, ObjectStore, Prices)
AT_ONCE = SweepSpec(grace=timedelta(0), checkpoints_kept=timedelta(0))


@pytest.fixture
def places(bench: Bench) -> Places:
    inventory = bench.connect(Inventory)
    offered = registry.provider(inventory.provider).capabilities
    if any(contract.capability not in offered for contract in NEEDED):
        pytest.skip("this provider does one part of it; see its own tests")
    return Places(
        inventories=(inventory,),
        endpoints=bench.connect(Endpoints),
        monitor=bench.connect(Monitor),
        store=bench.connect(ObjectStore),
        prices=bench.connect(Prices),
    )


@pytest.fixture
def other(places: Places, tmp_path: Path) -> Iterator[Bench]:
    """Another world of the same provider, with an owner of its own."""
    factory = registry.load(registry.provider(places.endpoints.provider).bench)
    with factory(tmp_path / "other") as bench:
        yield bench


def swept(places: Places, *, remove: bool = False, spec: SweepSpec = AT_ONCE) -> SweepReport:
    now = datetime.now(UTC)
    return sweep_places(places, spec, now=now, remove=remove, who="ann@here", why="tidy")


def train(bench: Bench, store: ObjectStore, run: str) -> OperationRef:
    place = f"{store.root}/runs/{run}"
    asked = bench.training_request().model_copy(
        update={"output_uri": f"{place}/output", "checkpoint_uri": f"{place}/checkpoints"}
    )
    key = RunKey(run=run, step="train")
    bench.begin(ref := bench.connect(TrainingJobs).submit(asked, key=key))
    return ref


def one(report: SweepReport, kind: str, name: str = "") -> Found:
    [found] = [each for each in report.found if each.kind == kind and each.name.endswith(name)]
    return found


def test_a_job_whose_run_is_over_is_an_orphan_and_goes(
    bench: Bench, places: Places, other: Bench
) -> None:
    store, jobs = places.store, bench.connect(TrainingJobs)
    open_run(store, "flights", "digest", run="mine")
    ref = train(bench, store, "mine")
    theirs = train(other, other.connect(ObjectStore), "theirs")

    assert one(swept(places, remove=True), "training-job").standing is Standing.WANTED
    close_run(store, "flights", "mine", how="ChallengerRejected")
    young = swept(places, remove=True, spec=SweepSpec())
    assert one(young, "training-job").standing is Standing.WANTED
    found = one(swept(places), "training-job")
    assert found.standing is Standing.ORPHAN
    assert "ChallengerRejected" in found.why
    price = places.prices.price(bench.training_request().machine)
    assert price is not None
    assert found.per_day == 24 * price.per_hour
    assert jobs.status(ref).phase is Phase.RUNNING  # it was only listed

    report = swept(places, remove=True)
    assert len(report.removed) == 1
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert swept(places).orphans == ()
    assert other.connect(TrainingJobs).status(theirs).phase is Phase.RUNNING
    [line] = AuditLog(store).back()
    assert (line.deed.act, line.deed.who, line.deed.why) == (Act.SWEEP, "ann@here", "tidy")
    assert verify(AuditLog(store)).problems == ()


def test_a_job_that_writes_into_another_store_is_left_alone(bench: Bench, places: Places) -> None:
    """Two platforms may share an owner's mark; only one of them knows the run."""
    jobs, asked = bench.connect(TrainingJobs), bench.training_request()
    bench.begin(ref := jobs.submit(asked, key=RunKey(run="elsewhere", step="train")))
    report = swept(places, remove=True)
    assert one(report, "training-job").standing is Standing.UNKNOWN
    assert jobs.status(ref).phase is Phase.RUNNING


def journal_of(store: ObjectStore, bench: Bench, *events: Event) -> None:
    request = bench.variant_request(variant="green")
    journal = Journal(store, request.endpoint, by="test")
    journal.current()
    for event in events:
        at = datetime.now(UTC)
        entry = Entry(number=0, at=at, run="r1", by="", event=event)
        begun = {"green": request, "blue": "blue"} if event is Event.BEGUN else {}
        journal.append(entry.model_copy(update=begun))


def test_a_variant_without_traffic_or_rollout_is_an_orphan_and_goes(
    bench: Bench, places: Places
) -> None:
    endpoints = places.endpoints
    for variant in ("blue", "green"):
        request = bench.variant_request(variant=variant)
        key = RunKey(run="r1", step=variant)
        bench.settle(endpoints.deploy(request, key=key))
    name = request.endpoint
    endpoints.shift(name, Traffic(percent={"blue": 100}), since=endpoints.traffic(name))

    journal_of(places.store, bench, Event.BEGUN)
    assert one(swept(places, remove=True), "variant", "green").standing is Standing.WANTED
    journal_of(places.store, bench, Event.RETURNED)
    report = swept(places)
    assert one(report, "variant", "blue").standing is Standing.WANTED
    found = one(report, "variant", "green")
    assert found.standing is Standing.ORPHAN
    price = places.prices.price(request.machine)
    assert price is not None
    assert found.per_day == 24 * request.min_replicas * price.per_hour

    assert swept(places, remove=True).removed == (f"variant {name}/green",)
    assert [each.name for each in endpoints.variants(name)] == ["blue"]
    assert dict(endpoints.traffic(name).percent) == {"blue": 100}
    assert swept(places, remove=True).removed == ()


def test_checkpoints_of_a_run_that_is_over_go_and_its_model_stays(places: Places) -> None:
    store = places.store
    longest = timedelta(hours=12)
    for run in ("over", "open"):
        open_run(store, run, "digest", run=run, longest=longest)
        for name in ("checkpoints/3/state", "output/model/MLmodel"):
            store.write(f"{store.root}/runs/{run}/{name}", b"x" * 1000)
    close_run(store, "over", "over", how="done")
    patient = SweepSpec(grace=timedelta(0))
    assert one(swept(places, spec=patient), "checkpoints", "over").standing is Standing.WANTED
    report = swept(places, remove=True)
    assert one(report, "checkpoints", "over").size == 1000
    assert report.removed == ("checkpoints over",)
    left = {
        each.uri.removeprefix(f"{store.root}/runs/") for each in store.walk(f"{store.root}/runs")
    }
    assert left == {
        "over/output/model/MLmodel",
        "open/output/model/MLmodel",
        "open/checkpoints/3/state",
    }
    later = datetime.now(UTC) + AT_ONCE.abandoned_after + longest
    given_up = sweep_places(places, AT_ONCE, now=later, remove=True, who="ann")
    assert given_up.removed == ("checkpoints open",)


def test_what_costs_money_is_summed_up_in_the_title() -> None:
    orphans = [
        Found(
            provider="p",
            kind="variant",
            name=str(number),
            standing=Standing.ORPHAN,
            why="",
            since=datetime.now(UTC),
            per_day=amount,
            currency="USD" if amount else "",
        )
        for number, amount in enumerate([Decimal("1.5"), None, Decimal(2)])
    ]
    report = SweepReport(at=datetime.now(UTC), found=tuple(orphans))
    assert "3.50 USD a day" in report.title
