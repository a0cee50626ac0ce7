"""A look at an endpoint: real captured files of a server, a real model, a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from blocks.contracts import InvalidRequest, ObjectStore, TrainingResult, Window
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.processing import LocalProcessing
from blocks.workload import digest
from tasks.drift.performance import Trust
from tasks.processing.spec import ScanSpec
from tasks.watch import reference
from tasks.watch.ledger import WatchLedger
from tasks.watch.reference import PREDICTION
from tasks.watch.report import WatchReport
from tasks.watch.stage import profile_reference
from tests.unit.watch.scenes import DAY, SPEC, START, Scene, data_in, rows

APART = {"plots", "cost"}  # which say where it was counted


def test_the_reference_is_the_same_where_a_job_makes_it(
    scene: Scene, model: Path, tmp_path: Path
) -> None:
    machine = LocalMachine(workspace=tmp_path / "workspace")
    data = data_in(scene.store)
    spec = SPEC.model_copy(update={"profile_near": ScanSpec(machine="local.small")})
    result = TrainingResult(model_uri=model.as_uri(), digest=digest(model))
    with pytest.raises(InvalidRequest, match=r"watch\.profile_near"):
        profile_reference.fn(scene.store, spec, data, training=result, run="near")
    made = profile_reference.fn(
        scene.store,
        spec,
        data,
        training=result,
        run="near",
        jobs=LocalProcessing(machine=machine),
    )
    assert (made.rows, made.batches) == (10_000, 20)
    there, here = (reference.read(scene.store, uri) for uri in (made.uri, scene.reference_uri))
    assert there.profile == here.profile
    assert there.sample.equals(here.sample)
    assert scene.store.read(made.baseline_uri) == scene.store.read(scene.baseline_uri)


def test_traffic_like_the_training_data_is_quiet(scene: Scene) -> None:
    scene.day(0, rows(3000, seed=10))
    report = scene.look(0)
    assert report.judged
    assert report.rows == 3000
    assert report.alarms == ()
    assert report.request is None
    assert report.estimate is not None
    assert report.estimate.trust is Trust.USABLE
    assert report.expected_auc is not None
    assert report.estimate.auc == pytest.approx(report.expected_auc, abs=0.03)


def test_drift_that_stays_asks_for_one_retrain(scene: Scene) -> None:
    for number in range(4):
        scene.day(number, rows(3000, seed=20 + number, shift=1.0))
    reports = [scene.look(number) for number in range(4)]
    assert {each.column for each in reports[0].alarms} == {"x", PREDICTION}
    requests = [report.request for report in reports]
    assert [request is not None for request in requests] == [False, True, False, False]
    assert requests[1] is not None
    assert any("input drift: x" in reason for reason in requests[1].reasons)
    assert any("prediction drift" in reason for reason in requests[1].reasons)
    assert len(WatchLedger(scene.store, "e").asked()) == 1


def test_looking_twice_changes_nothing(scene: Scene) -> None:
    for number in range(2):
        scene.day(number, rows(3000, seed=30 + number, shift=1.0))
    scene.look(0)
    first, again = scene.look(1), scene.look(1)
    assert first.request is not None
    assert again == first
    assert len(WatchLedger(scene.store, "e").asked()) == 1
    whole = Window(start=START, end=START + 9 * DAY)
    labels = {"endpoint": "e", "column": "x"}
    assert len(scene.monitor.read("watch.drift", whole, labels=labels)) == 2


def test_rows_unlike_all_training_rows_make_the_estimate_unknown(scene: Scene) -> None:
    scene.day(0, rows(3000, seed=40, shift=8.0))
    report = scene.look(0)
    assert report.estimate is not None
    assert report.estimate.trust is Trust.UNKNOWN
    assert "not to be believed" in report.markdown()
    assert not any("estimated" in each.kind for each in report.causes)


def test_mirrored_refused_and_other_days_rows_do_not_count(scene: Scene) -> None:
    scene.day(0, rows(400, seed=50))
    scene.day(0, rows(700, seed=51), mirrored=True)
    scene.day(0, rows(600, seed=52), status=422)
    scene.day(1, rows(500, seed=53))
    assert scene.look(0).rows == 400


def test_few_rows_are_not_judged(scene: Scene) -> None:
    scene.day(0, rows(50, seed=60, shift=5.0))
    report = scene.look(0)
    assert not report.judged
    assert report.alarms == ()
    assert "Too few rows" in report.markdown()


def test_no_traffic_at_all_is_said(scene: Scene) -> None:
    report = scene.look(0)
    assert (report.rows, report.judged) == (0, False)


def test_a_column_that_is_gone_and_one_that_is_empty_are_alarms(scene: Scene) -> None:
    scene.day(0, rows(1000, seed=70).assign(z=np.nan, origin=None))
    gone = {(each.column, each.change.value) for each in scene.look(0).alarms}
    assert {("z", "missing"), ("origin", "missing")} <= gone


def pictures(report: WatchReport, store: ObjectStore) -> Iterator[bytes]:
    for uri in report.plots.values():
        yield store.read(uri)


def test_the_report_has_a_table_and_pictures(scene: Scene) -> None:
    scene.day(0, rows(3000, seed=110, shift=0.5))
    report = scene.look(0)
    assert all(each.startswith(b"\x89PNG") for each in pictures(report, scene.store))
    assert set(report.plots) == {"drift", "performance"}
    page = report.markdown()
    assert "**2 columns changed**: x, prediction" in page
    assert page.index("| x |") < page.index("| z |")


def test_traffic_is_counted_near_it_as_it_is_here(scene: Scene, tmp_path: Path) -> None:
    scene.day(0, rows(1500, seed=31, shift=0.5))
    scene.day(0, rows(300, seed=32), mirrored=True)
    jobs = LocalProcessing(machine=LocalMachine(workspace=tmp_path / "jobs"))
    asked = SPEC.model_copy(update={"near": ScanSpec(machine="local.small")})
    with pytest.raises(InvalidRequest, match=r"watch\.near.*leave it out"):
        scene.look(0, asked)
    near, here = scene.look(0, asked, jobs=jobs), scene.look(0)
    assert near.rows == 1500
    assert near.alarms
    assert near.model_dump(exclude=APART) == here.model_dump(exclude=APART)
    assert here.cost is None
    assert near.cost is not None
    assert near.cost.currency == "USD"
    assert "near the traffic has cost" in near.markdown()
    assert len(list(jobs.machine.folder("jobs").iterdir())) == 1
