"""What the endpoints of this machine did, read from the files their processes write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    InvalidRequest,
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    Unavailable,
    VariantTick,
    Window,
)
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.samples import Samples
from blocks.providers.local.store import LocalStore
from blocks.providers.local.ticks import SealedTicks
from blocks.serving.capture_names import span_of


class LocalMonitor(Block, Monitor):
    """Reads what endpoints of this machine counted and kept; keeps metrics in the workspace."""

    _block_type_name = "Local monitor"
    _block_type_slug = "local-monitor"

    provider: ClassVar[str] = "local"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1, captures=True, mirrored=True
    )

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where endpoints are kept on this machine."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return Unavailable(str(error)) if isinstance(error, OSError) else None

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        return SealedTicks(self._telemetry(endpoint)).between(window)

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        folder = self._telemetry(endpoint) / "captures"
        if not folder.is_dir():
            return []
        found = []
        for info in LocalStore(machine=self.machine).walk(folder.as_uri()):
            name = info.uri.rpartition("/")[2]
            if name.endswith(".parquet"):
                first, last = span_of(name)
                if first < window.end and last >= window.start:
                    found.append((first, info.uri, info))
        return [info for _, _, info in sorted(found, key=lambda each: each[:2])]

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        Samples(self.machine.folder("metrics")).add(metric, samples, labels)

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        return Samples(self.machine.folder("metrics")).between(metric, window, labels)

    def _telemetry(self, endpoint: str) -> Path:
        if "/" in endpoint or endpoint.startswith("."):
            raise InvalidRequest(f"{endpoint!r} is no name of an endpoint", code="ENDPOINT")
        return self.machine.workspace.absolute() / "endpoints" / endpoint / "telemetry"
