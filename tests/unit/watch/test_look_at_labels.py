"""What labels tell a look: measured where they are mature, joined when they come."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from tasks.drift.performance import Measured, Trust
from tasks.watch.spec import WatchSpec
from tests.unit.watch.scenes import START, Scene, parquet, rows, truth_of


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
