"""Traces and metrics for a collector of OpenTelemetry, if its address is in the environment.

The variable is ``OTEL_EXPORTER_OTLP_ENDPOINT``; the others are OpenTelemetry's own, too. Prefect
makes a span of each flow and task run; ours below them are the calls of providers.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from blocks import registry
from blocks.contracts import ProviderError
from blocks.contracts.base import observe_calls

_EXPORTERS = "opentelemetry.exporter.otlp.proto.http"
_NAME = "bluewater"


def send() -> None:
    """Send from here on, until the process ends. Raises MissingExtra without the exporter."""
    resource = Resource.create({"service.name": _NAME})
    spans = registry.load(f"{_EXPORTERS}.trace_exporter:OTLPSpanExporter", extra="otlp")
    figures = registry.load(f"{_EXPORTERS}.metric_exporter:OTLPMetricExporter", extra="otlp")
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans()))
    meters = MeterProvider([PeriodicExportingMetricReader(figures())], resource=resource)
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)
    observe_calls(Calls(tracers, meters).observed)
    for provider in (tracers, meters):
        atexit.register(provider.shutdown)


class Calls:
    """The calls of providers, as spans and as a histogram of their seconds."""

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracer = tracers.get_tracer(_NAME)
        self._seconds = meters.get_meter(_NAME).create_histogram(
            "bluewater.provider.call.duration", unit="s", description="Calls of providers."
        )

    @contextmanager
    def observed(self, provider: str, capability: str, operation: str) -> Iterator[None]:
        """Time one call; an error of a provider is told by its class and code, never by its text.

        A message may quote what a caller sent.
        """
        told = {"provider": provider, "capability": capability, "operation": operation}
        began, outcome = time.perf_counter(), "ok"
        span = self._tracer.start_span(f"{capability}.{operation}", attributes=told)
        try:
            yield
        except ProviderError as error:
            outcome = type(error).__name__
            span.set_status(trace.StatusCode.ERROR, f"{outcome} {error.code}".strip())
            raise
        finally:
            span.set_attribute("outcome", outcome)
            span.end()
            self._seconds.record(time.perf_counter() - began, {**told, "outcome": outcome})
