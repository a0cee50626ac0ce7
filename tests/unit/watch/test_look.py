"""A look at an endpoint: real captured files of a server, a real model, a real store."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import mlflow.sklearn
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.models import infer_signature
from pydantic import SecretStr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FunctionTransformer, make_pipeline

from blocks.contracts import (
    Check,
    InvalidRequest,
    Monitor,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    ObjectStore,
    ProcessingJobs,
    ProviderError,
    TrainingResult,
    WatchingFeatures,
    Window,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.watching import SageMakerModelMonitor
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.monitor import LocalMonitor
from blocks.providers.local.processing import LocalProcessing
from blocks.testing.memory_store import MemoryStore
from blocks.workload import digest
from tasks.data import DataSpec
from tasks.drift.performance import Measured, Trust
from tasks.processing.spec import ScanSpec
from tasks.watch import reference
from tasks.watch.ledger import WatchLedger
from tasks.watch.reference import PREDICTION
from tasks.watch.report import WatchReport
from tasks.watch.spec import LabelSpec, MonitorSpec, WatchSpec
from tasks.watch.stage import profile_reference, watch_endpoint

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPEC = WatchSpec(least_rows=200)
Truth = np.ndarray


class Scorer(LogisticRegression):  # type: ignore[misc]  # it comes without types
    """Answers scores, as the models of this project do."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:  # noqa: N803
        scores: np.ndarray = self.predict_proba(X)[:, 1]
        return scores


def rows(count: int, *, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": random.normal(size=count) + shift,
            "z": random.normal(size=count),
            "origin": random.choice(["EWR", "JFK", "LGA"], size=count),
        }
    )


def truth_of(frame: pd.DataFrame, *, seed: int, weight: float = 1.5) -> np.ndarray:
    chance = 1 / (1 + np.exp(1.0 - weight * frame["x"] - 0.5 * frame["z"]))
    return np.asarray(np.random.default_rng(seed).random(len(frame)) < chance, dtype=np.int64)


def parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out)
    return out.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An endpoint that was served for some days, and the reference of its model."""

    store: ObjectStore
    monitor: Monitor
    captures: Path
    reference_uri: str
    baseline_uri: str
    captured: ObjectStore | None = None

    def day(
        self,
        number: int,
        frame: pd.DataFrame,
        *,
        mirrored: bool = False,
        status: int = 200,
        truth: Truth | None = None,
    ) -> None:
        """Capture a day as the model server does; labels go where they are looked for."""
        last = START + (number + 0.99) * DAY
        at = pd.date_range(START + number * DAY, last, periods=len(frame))
        chance = 1 / (1 + np.exp(1.0 - 1.5 * frame["x"] - 0.5 * frame["z"]))
        kept = frame.assign(
            at=at.astype("datetime64[us, UTC]"),
            request_id=[f"{number}-{mirrored}-{each}" for each in range(len(frame))],
            row=0,
            variant="v1",
            mirrored=mirrored,
            status=status,
            seconds=0.01,
            user="",
            prediction=chance,
        )
        first, end = (int(each.timestamp() * 1000) for each in (at[0], at[-1]))
        name = f"{first}-{end}.v1.{int(mirrored)}.{status}.parquet"
        (self.captures / name).write_bytes(parquet(kept))
        if truth is not None:
            labels = pd.DataFrame({"request_id": kept["request_id"], "late": truth})
            self.store.write(f"{self.store.root}/labels/{number}.parquet", parquet(labels))

    def look(
        self,
        number: int,
        spec: WatchSpec = SPEC,
        monitors: MonitoringSchedules | None = None,
        jobs: ProcessingJobs | None = None,
    ) -> WatchReport:
        """Look at the day of that number, an hour after its end."""
        found: WatchReport = watch_endpoint.fn(
            self.monitor,
            self.store,
            spec,
            endpoint="e",
            reference_uri=self.reference_uri,
            captured=self.captured,
            monitors=monitors,
            baseline_uri=self.baseline_uri,
            jobs=jobs,
            prices=LocalPrices(machine=LocalMachine()),
            now=START + (number + 1) * DAY + timedelta(hours=1),
        )
        return found


APART = {"plots", "cost"}  # which say where it was counted


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    frame = rows(4000, seed=1)
    numbers = FunctionTransformer(pick)
    pipeline = make_pipeline(numbers, Scorer()).fit(frame, truth_of(frame, seed=1))
    mlflow.sklearn.save_model(
        pipeline,
        folder,
        signature=infer_signature(frame, pipeline.predict(frame)),
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
    return folder


def pick(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["x", "z"]]


@pytest.fixture
def scene(tmp_path: Path, store: ObjectStore, model: Path) -> Scene:
    train, held = rows(10_000, seed=2), rows(5_000, seed=3)
    for name, frame in {"train": train, "holdout": held}.items():
        weeks = [f"w{each:02}" for each in np.arange(len(frame)) * 20 // len(frame)]
        labelled = frame.assign(late=truth_of(frame, seed=4), week=weeks)
        store.write(f"{store.root}/{name}.parquet", parquet(labelled))
    data = DataSpec(
        train=f"{store.root}/train.parquet",
        holdout=f"{store.root}/holdout.parquet",
        label="late",
        batch="week",
    )
    result = TrainingResult(model_uri=model.as_uri(), digest=digest(model))
    made = profile_reference.fn(store, SPEC, data, training=result, run="r")
    assert made.columns == ("x", "z", "origin", PREDICTION)
    assert (made.rows, made.batches) == (10_000, 20)
    captures = tmp_path / "workspace" / "endpoints" / "e" / "telemetry" / "captures"
    captures.mkdir(parents=True)
    return Scene(
        store=store,
        monitor=LocalMonitor(machine=LocalMachine(workspace=tmp_path / "workspace")),
        captures=captures,
        reference_uri=made.uri,
        baseline_uri=made.baseline_uri,
    )


def test_the_reference_is_the_same_where_a_job_makes_it(
    scene: Scene, model: Path, tmp_path: Path
) -> None:
    machine = LocalMachine(workspace=tmp_path / "workspace")
    data = DataSpec(
        train=f"{scene.store.root}/train.parquet",
        holdout=f"{scene.store.root}/holdout.parquet",
        label="late",
        batch="week",
    )
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


def test_an_endpoint_of_another_cloud_than_the_platforms_store_is_watched(
    scene: Scene, tmp_path: Path
) -> None:
    """Its traffic is read where it lies; the reference was carried to this machine."""
    for number in range(2):
        scene.day(number, rows(3000, seed=20 + number, shift=1.0))
    trains = MemoryStore(f"{tmp_path.name}-trains")
    mixed = dataclasses.replace(scene, store=trains, captured=scene.store)
    reports = [mixed.look(number) for number in range(2)]
    assert [report.rows for report in reports] == [3000, 3000]
    assert reports[1].request is not None
    assert len(WatchLedger(trains, "e").asked()) == 1
    assert WatchLedger(scene.store, "e").asked() == []


class Schedules(MonitoringSchedules):
    """Another cloud's own monitor, that keeps what it is told."""

    provider: ClassVar[str] = "another"
    features: ClassVar[WatchingFeatures] = WatchingFeatures(shortest=DAY, checks=frozenset(Check))

    def __init__(self) -> None:
        self.kept: list[MonitoringSchedule] = []

    def _explain(self, error: Exception) -> ProviderError | None:
        return None

    def _ensure(self, schedule: MonitoringSchedule) -> None:
        self.kept.append(schedule)

    def _schedule(self, endpoint: str) -> MonitoringSchedule | None:
        return next(iter(self.kept), None)

    def _stop(self, endpoint: str) -> None:
        self.kept.clear()

    def _looks(self, endpoint: str, window: Window) -> Sequence[MonitorLook]:
        return ()


def test_the_monitor_of_another_cloud_is_brought_what_it_compares_with(
    scene: Scene, tmp_path: Path
) -> None:
    serves, schedules = MemoryStore(f"{tmp_path.name}-serves"), Schedules()
    mixed = dataclasses.replace(scene, captured=serves)
    report = mixed.look(0, SPEC.model_copy(update={"monitor": MonitorSpec()}), schedules)
    assert report.monitor_problem == ""
    [schedule] = schedules.kept
    assert serves.read(schedule.baseline_uri) == scene.store.read(scene.baseline_uri)
    assert schedule.output_uri.startswith(f"{serves.root}/")


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


@pytest.fixture
def labelled(scene: Scene) -> WatchSpec:
    uri, wait = f"{scene.store.root}/labels", timedelta(hours=30)
    labels = LabelSpec(uri=uri, label="late", maturity=wait)
    return SPEC.model_copy(update={"labels": labels})


def test_only_windows_whose_labels_are_mature_are_measured(
    scene: Scene, labelled: WatchSpec
) -> None:
    for number in range(3):
        frame = rows(2000, seed=80 + number)
        scene.day(number, frame, truth=truth_of(frame, seed=number))
    assert scene.look(1, labelled).matured is None
    report = scene.look(2, labelled)
    assert report.matured is not None
    assert report.matured.window.start == START
    assert isinstance(report.matured.measured, Measured)
    assert report.expected_auc is not None
    assert report.matured.measured.auc == pytest.approx(report.expected_auc, abs=0.04)
    assert report.matured.evidence is not None
    assert report.matured.evidence.value < 20
    assert report.causes == ()


def test_a_model_that_got_worse_without_any_drift_is_found_by_its_labels(
    scene: Scene, labelled: WatchSpec
) -> None:
    """Inputs stay as they were; what they mean changes. Only labels can tell."""
    for number in range(4):
        frame = rows(2000, seed=90 + number)
        scene.day(number, frame, truth=truth_of(frame, seed=number, weight=-0.5))
    reports = [scene.look(number, labelled) for number in (2, 3)]
    assert all(report.alarms == () for report in reports)
    assert reports[0].estimate is not None
    assert reports[0].estimate.trust is Trust.USABLE
    assert {each.subject for each in reports[0].causes} == {"area under the curve", "mean loss"}
    assert [report.request is not None for report in reports] == [False, True]


def test_too_few_labels_are_no_measurement(scene: Scene, labelled: WatchSpec) -> None:
    frame = rows(2000, seed=100)
    scene.day(0, frame, truth=truth_of(frame, seed=0))
    uri = f"{scene.store.root}/labels/0.parquet"
    kept = pd.read_parquet(io.BytesIO(scene.store.read(uri))).head(1000)
    scene.store.write(uri, parquet(kept))
    report = scene.look(2, labelled)
    assert report.matured is not None
    assert (report.matured.captured, report.matured.labelled) == (2000, 1000)
    assert report.matured.measured is None
    assert "too few" in report.markdown()


def test_before_the_first_label_comes_there_is_nothing_to_join(
    scene: Scene, labelled: WatchSpec
) -> None:
    scene.day(0, rows(2000, seed=101))
    report = scene.look(2, labelled)
    assert report.matured is not None
    assert (report.matured.captured, report.matured.labelled) == (2000, 0)


def test_files_of_labels_may_be_empty_at_first(scene: Scene, labelled: WatchSpec) -> None:
    scene.day(0, rows(300, seed=70))
    nothing = pd.DataFrame({"request_id": pd.Series(dtype="str"), "late": pd.Series(dtype="int64")})
    scene.store.write(f"{scene.store.root}/labels/0.parquet", parquet(nothing))
    report = scene.look(2, labelled)
    assert report.matured is not None
    assert (report.matured.captured, report.matured.labelled) == (300, 0)


def test_labels_that_come_late_are_joined_when_they_come(scene: Scene, labelled: WatchSpec) -> None:
    """The first day has half of its labels when it should have all; they come a day later."""
    for number in range(4):
        frame = rows(2000, seed=110 + number)
        scene.day(number, frame, truth=truth_of(frame, seed=number))
    uri = f"{scene.store.root}/labels/0.parquet"
    whole = scene.store.read(uri)
    scene.store.write(uri, parquet(pd.read_parquet(io.BytesIO(whole)).head(1000)))
    first = scene.look(2, labelled)
    assert first.matured is not None and not first.matured.complete
    assert (first.evidence, first.late) == (None, ())
    scene.store.write(uri, whole)
    second = scene.look(3, labelled)
    (late,) = second.late
    assert (late.window.start, late.labelled, late.complete) == (START, 2000, True)
    assert second.evidence is not None
    assert second.evidence.rows == 4000
    scene.day(4, rows(500, seed=120))
    assert scene.look(4, labelled).late == ()


def test_evidence_outlives_days_without_labels(scene: Scene, labelled: WatchSpec) -> None:
    for number in (0, 2):
        frame = rows(2000, seed=130 + number)
        scene.day(number, frame, truth=truth_of(frame, seed=number))
    counted = [scene.look(number, labelled).evidence for number in (2, 3, 4)]
    assert [each and each.rows for each in counted] == [2000, None, 4000]


def test_labels_that_come_early_are_told_and_judge_nothing(
    scene: Scene, labelled: WatchSpec
) -> None:
    frame = rows(1000, seed=140)
    scene.day(0, frame, truth=np.ones(1000, dtype=np.int64))
    report = scene.look(0, labelled)
    assert report.early is not None and isinstance(report.early.measured, Measured)
    assert report.early.measured.base_rate == 1
    assert report.early.measured.expected_rate < 0.5
    assert report.causes == ()
    assert "1,000 of the 1,000 newest rows have a label already" in report.markdown()


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


def test_rows_of_the_training_are_kept_with_their_predictions_for_other_monitors(
    scene: Scene,
) -> None:
    found = pq.read_table(io.BytesIO(scene.store.read(scene.baseline_uri))).to_pandas()
    assert list(found.columns) == ["x", "z", "origin", PREDICTION]
    assert found[PREDICTION].between(0, 1).all()
    assert np.corrcoef(found["x"], found[PREDICTION])[0, 1] > 0.5


def test_a_platforms_monitor_that_cannot_be_reached_keeps_no_look_up(scene: Scene) -> None:
    nowhere = AwsAccount(
        region="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        access_key_id=SecretStr("nobody"),
        secret_access_key=SecretStr("nobody"),
        role_arn="arn:aws:iam::123456789012:role/nobody",
        bucket="nowhere",
        owner="nobody",
    )
    monitors = SageMakerModelMonitor(account=nowhere, image="monitor")
    scene.day(0, rows(3000, seed=10))
    spec = SPEC.model_copy(update={"monitor": MonitorSpec()})
    report = scene.look(0, spec, monitors)
    assert report.judged
    assert "127.0.0.1" in report.monitor_problem
    assert "could not be asked" in report.markdown()


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
