"""What endpoints of Azure did: ticks, captured requests and metrics in the account's container."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.captured import captured
from blocks.cloud.logged_ticks import sealed
from blocks.cloud.samples import Samples
from blocks.cloud.tick_files import TickReader
from blocks.contracts import (
    InvalidRequest,
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    VariantTick,
    Window,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.errors import explain
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.platform_metrics import PLATFORM, PlatformMetrics

SETTLE = "BLUEWATER_AZURE_SETTLE"


class AzureMonitor(Block, Monitor):
    """Reads what our model servers wrote to Blob storage; keeps metrics there.

    Azure Monitor's own metrics are per minute and know no buckets of ours, and lines reach Log
    Analytics minutes after they were written, so these are for dashboards and alerts and not what
    a rollout is judged by. They are read under their names with ``azure/`` before them, such as
    ``azure/RequestsPerMinute``, by the label ``endpoint`` and, if wanted, ``variant``.
    """

    _block_type_name = "Azure monitor"
    _block_type_slug = "azure-monitor"

    provider: ClassVar[str] = "azure"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1, captures=True, mirrored=True
    )

    account: AzureAccount = Field(default_factory=AzureAccount, description="Where and as whom.")
    settle: int = Field(
        default_factory=lambda: int(os.environ.get(SETTLE, "10")),
        ge=1,
        description="Seconds after which a tick's lines have arrived.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        reader = self._readers.setdefault(
            endpoint, TickReader(self._objects, f"{self.account.root}/ticks/{endpoint}")
        )
        lines = reader.between(window, late=timedelta(seconds=self.settle + 1))
        return sealed(lines, window, settle=self.settle, now=datetime.now(UTC))

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return captured(self._objects, f"{self.account.root}/captures/{endpoint}", window)

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        if metric.startswith(PLATFORM):
            raise InvalidRequest(f"{metric} is Azure's own; record it otherwise", code="METRIC")
        self._samples.add(metric, samples, labels)

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        if metric.startswith(PLATFORM):
            return self._platform.between(metric.removeprefix(PLATFORM), window, labels)
        return self._samples.between(metric, window, labels)

    @cached_property
    def _platform(self) -> PlatformMetrics:
        return PlatformMetrics(self.account)

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account)

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self._objects, f"{self.account.root}/metrics")

    @cached_property
    def _readers(self) -> dict[str, TickReader]:
        return {}
