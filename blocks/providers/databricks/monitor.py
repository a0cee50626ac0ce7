"""What endpoints of Databricks did: counts, captures and metrics from the volume."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar, Literal

from databricks.sdk.errors.base import DatabricksError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.captured import captured
from blocks.cloud.logged_ticks import sealed
from blocks.cloud.samples import Samples
from blocks.cloud.tick_files import TickReader
from blocks.contracts import (
    Monitor,
    MonitorFeatures,
    NotFound,
    ObjectInfo,
    ProviderError,
    Sample,
    VariantTick,
    Window,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import explain, is_missing
from blocks.providers.databricks.gateway import table_of
from blocks.providers.databricks.inference_table import requests_of, to_parquet
from blocks.providers.databricks.volumes import Volumes
from blocks.serving.capture_names import name_of

SETTLE = "BLUEWATER_DATABRICKS_SETTLE"


class DatabricksMonitor(Block, Monitor):
    """Reads what our part of a served model wrote to the volume; keeps metrics there.

    Databricks' own metrics of an endpoint are those of the last minute and know no buckets of ours.
    Its inference tables come up to an hour late: captured requests may be read from them, and a
    rollout is never judged by them.
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
    captures_from: Literal["files", "table"] = Field(
        default="files",
        description="Where captured requests are read: where the endpoints block keeps them.",
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
        reader = self._readers.setdefault(
            endpoint, TickReader(self._volumes, f"{self.account.root}/ticks/{endpoint}")
        )
        lines = reader.between(window, late=timedelta(seconds=self.settle + 1))
        return sealed(lines, window, settle=self.settle, now=datetime.now(UTC))

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        if self.captures_from == "table":
            return self._from_table(endpoint, window)
        return captured(self._volumes, f"{self.account.root}/captures/{endpoint}", window)

    def _from_table(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        """Write what an inference table has of a window by now to one file, and return that."""
        table = self._table(endpoint)
        try:
            found = list(requests_of(self.account, table, endpoint, window)) if table else []
        except NotFound:
            return []  # it is made with its first row
        if not found:
            return []
        span = name_of(window.start.timestamp(), window.end.timestamp(), "table.parquet")
        uri = f"{self.account.root}/captures-of-tables/{endpoint}/{span}"
        self._volumes.write(uri, to_parquet(found))
        there = self._volumes.head(uri)
        if there is None:
            return []
        return [ObjectInfo(uri=uri, size=there.size, etag=there.etag, modified=there.modified)]

    def _table(self, endpoint: str) -> str:
        """Return the inference table of an endpoint; empty if there is none."""
        api = self.account.client(attempts=READS).serving_endpoints
        try:
            return table_of(api.get(self.account.named(endpoint)).ai_gateway)
        except DatabricksError as error:
            if is_missing(error):
                return ""
            raise

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

    @cached_property
    def _readers(self) -> dict[str, TickReader]:
        return {}
