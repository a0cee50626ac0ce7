"""What services did: ticks from the logs of their revisions."""

from __future__ import annotations

from typing import ClassVar

from blocks.contracts import MonitorFeatures
from blocks.providers.gcp.monitor import VertexMonitor
from blocks.providers.gcp.run.kept import service_id
from blocks.providers.gcp.run.log import KIND


class CloudRunMonitor(VertexMonitor):
    """Reads what our model servers wrote to Cloud Logging and Cloud Storage; keeps metrics there.

    An instance that sleeps has no processor: what it counted last comes when it is asked again, or
    ends, and counts for the tick that is open then.
    """

    _block_type_name = "Cloud Run monitor"
    _block_type_slug = "gcp-run-monitor"

    provider: ClassVar[str] = "gcp-run"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1, captures=True, mirrored=False
    )

    def _source(self, endpoint: str) -> str:
        service = service_id(self.account, endpoint)
        return f'resource.type="{KIND}" AND resource.labels.service_name="{service}"'
