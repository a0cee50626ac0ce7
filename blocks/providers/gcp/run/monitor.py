"""What services did: ticks from the logs of their revisions."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from google.cloud.run_v2 import ServicesClient

from blocks.contracts import MonitorFeatures
from blocks.providers.gcp.account import READS
from blocks.providers.gcp.lookup import look_for
from blocks.providers.gcp.monitor import VertexMonitor
from blocks.providers.gcp.platform_metrics import SERVICES, Measured
from blocks.providers.gcp.run.kept import kept_of, service_id
from blocks.providers.gcp.run.log import KIND


class CloudRunMonitor(VertexMonitor):
    """Reads what our model servers wrote to Cloud Logging and Cloud Storage; keeps metrics there.

    An instance that sleeps has no processor: what it counted last comes when it is asked again, or
    ends, and counts for the tick that is open then. Cloud Run's own metrics are read as
    ``gcp/request_count`` and ``gcp/request_latencies``.
    """

    _block_type_name = "Cloud Run monitor"
    _block_type_slug = "gcp-run-monitor"

    provider: ClassVar[str] = "gcp-run"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1, captures=True, mirrored=False
    )

    measured: ClassVar[Measured] = SERVICES

    def _source(self, endpoint: str) -> str:
        service = service_id(self.account, endpoint)
        return f'resource.type="{KIND}" AND resource.labels.service_name="{service}"'

    def _series(self, endpoint: str, variant: str | None) -> str:
        id_ = service_id(self.account, endpoint)
        terms = f'resource.labels.service_name="{id_}"'
        if variant is None:
            return terms
        client = self.account.client(ServicesClient)
        name = f"{self.account.parent}/services/{id_}"
        service = look_for(partial(client.get_service, name=name, **READS), patient=False)
        kept = kept_of(service).variants.get(variant)
        return f'{terms} AND resource.labels.revision_name="{kept.revision(id_)}"' if kept else ""
