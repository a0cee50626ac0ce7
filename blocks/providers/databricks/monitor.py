"""What endpoints of Databricks did: counts, captures and metrics from the volume."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.captured import captured
from blocks.cloud.logged_ticks import SLACK, sealed
from blocks.cloud.samples import Samples
from blocks.contracts import (
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    VariantTick,
    Window,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.tick_files import ticks_kept
from blocks.providers.databricks.volumes import Volumes

SETTLE = "BLUEWATER_DATABRICKS_SETTLE"


class DatabricksMonitor(Block, Monitor):
    """Reads what our part of a served model wrote to the volume; keeps metrics there.

    Databricks' own inference tables come up to an hour late, and its metrics of an endpoint are
    those of the last minute and know no buckets of ours: they are for people and for audits, and
    not what a rollout is judged by.
    """

    _block_type_name = "Databricks monitor"
    _block_type_slug = "databricks-monitor"

    provider: ClassVar[str] = "databricks"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1,
        captures=True,
        mirrored=False,  # Databricks copies no requests
    )

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Where and as whom."
    )
    settle: int = Field(
        default_factory=lambda: int(os.environ.get(SETTLE, "30")),
        ge=1,
        description="Seconds after which a tick's counts have arrived: more than endpoints wait "
        "between two files of them.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        late = timedelta(seconds=self.settle + 1) + SLACK
        folder = f"{self.account.root}/ticks/{endpoint}"
        ticks = ticks_kept(self._volumes, folder, window.start - SLACK, window.end + late)
        return sealed(ticks, window, settle=self.settle, now=datetime.now(UTC))

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return captured(self._volumes, f"{self.account.root}/captures/{endpoint}", window)

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        self._samples.add(metric, samples, labels)

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        return self._samples.between(metric, window, labels)

    @cached_property
    def _volumes(self) -> Volumes:
        return Volumes(self.account)

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self._volumes, f"{self.account.root}/metrics")
