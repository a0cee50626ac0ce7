"""The server's figures in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import generate_latest as text_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What one replica did since it started."""

    def __init__(self, variant: str, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._common = {"variant": variant, "version": version}
        labels = ("variant", "version", "mirrored")
        self._requests = Counter(
            "bluewater_requests",
            "Requests by HTTP status.",
            (*labels, "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "bluewater_request_seconds",
            "Time from the whole request to the answer, where the model was asked.",
            labels,
            buckets=BOUNDS,
            registry=self._registry,
        )

    def answered(self, *, status: int, seconds: float, mirrored: bool) -> None:
        """Count a request that the model was asked."""
        kind = str(mirrored).lower()
        self._requests.labels(**self._common, mirrored=kind, status=str(status)).inc()
        self._seconds.labels(**self._common, mirrored=kind).observe(seconds)

    def refused(self, status: int) -> None:
        """Count a request that never got to the model."""
        self._requests.labels(**self._common, mirrored="false", status=str(status)).inc()

    def watch(self, name: str, explanation: str, value: Callable[[], float]) -> None:
        """Report a figure that somebody else keeps."""
        gauge = Gauge(name, explanation, tuple(self._common), registry=self._registry)
        gauge.labels(**self._common).set_function(value)

    def text(self) -> bytes:
        """Return all figures."""
        return text_of(self._registry)
