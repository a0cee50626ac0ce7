"""What endpoints of Vertex AI did: ticks from their logs, captures and metrics in Cloud Storage."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import ClassVar

from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.captured import captured
from blocks.cloud.logged_ticks import SLACK, sealed, to_logged_tick
from blocks.cloud.samples import Samples
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
from blocks.providers.gcp.account import READS, GcpAccount
from blocks.providers.gcp.endpoint_log import source_of, ticks_logged
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.lookup import look_for
from blocks.providers.gcp.platform_metrics import ONLINE, PLATFORM, Measured, PlatformMetrics

SETTLE = "BLUEWATER_GCP_SETTLE"


class VertexMonitor(Block, Monitor):
    """Reads what our model servers wrote to Cloud Logging and Cloud Storage; keeps metrics there.

    Cloud Monitoring's own metrics of an endpoint are per minute and know no buckets of ours, so
    they are for dashboards and alerts and not what a rollout is judged by. They are read under
    their names with ``gcp/`` in the place of the service, such as
    ``gcp/prediction/online/response_count``, by the label ``endpoint`` and, if wanted, ``variant``.
    """

    _block_type_name = "Vertex AI monitor"
    _block_type_slug = "gcp-monitor"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1,
        captures=True,
        mirrored=False,  # Vertex AI copies no requests
    )

    measured: ClassVar[Measured] = ONLINE

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    settle: int = Field(
        default_factory=lambda: int(os.environ.get(SETTLE, "10")),
        ge=1,
        description="Seconds after which a tick's log lines have arrived.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        late = timedelta(seconds=self.settle + 1)
        source = self._source(endpoint)
        lines = ticks_logged(self.account, source, window.start - SLACK, window.end + late)
        ticks = [to_logged_tick(line, arrived=arrived) for line, arrived in lines]
        return sealed(ticks, window, settle=self.settle, now=datetime.now(UTC))

    def _source(self, endpoint: str) -> str:
        return source_of(self.account, endpoint)

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return captured(self._objects, f"{self.account.root}/captures/{endpoint}", window)

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        if metric.startswith(PLATFORM):
            raise InvalidRequest(f"{metric} is Google's own; record it otherwise", code="METRIC")
        self._samples.add(metric, samples, labels)

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        if not metric.startswith(PLATFORM):
            return self._samples.between(metric, window, labels)
        platform = PlatformMetrics(self.account, self.measured)
        platform.require(metric, labels)
        place = self._series(labels["endpoint"], labels.get("variant"))
        return platform.between(metric, window, labels, place=place) if place else []

    def _series(self, endpoint: str, variant: str | None) -> str:
        """Return the terms that find an endpoint's metrics, or a variant's; empty without one."""
        id_ = self.account.named(endpoint)
        terms = f'resource.labels.endpoint_id="{id_}"'
        if variant is None:
            return terms
        name = f"{self.account.parent}/endpoints/{id_}"
        client = self.account.client(EndpointServiceClient)
        found = look_for(partial(client.get_endpoint, name=name, **READS), patient=False)
        models = found.deployed_models if found is not None else ()
        served = next((each.id for each in models if each.display_name == variant), "")
        return f'{terms} AND metric.labels.deployed_model_id="{served}"' if served else ""

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self._objects, f"{self.account.root}/metrics")
