"""A look at what another cloud serves, and beside the monitor that it has itself."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow.parquet as pq
from pydantic import SecretStr

from blocks.contracts import (
    Check,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    ProviderError,
    WatchingFeatures,
    Window,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.watching import SageMakerModelMonitor
from blocks.testing.memory_store import MemoryStore
from tasks.watch.ledger import WatchLedger
from tasks.watch.reference import PREDICTION
from tasks.watch.spec import MonitorSpec
from tests.unit.watch.scenes import DAY, SPEC, Scene, rows


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
