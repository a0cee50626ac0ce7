"""A collector of OpenTelemetry on loopback, for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(slots=True)
class Collector:
    """An OTLP receiver that keeps what it got."""

    url: str = ""
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)

    def spans(self) -> dict[str, list[tuple[dict[str, str], bytes, bytes]]]:
        """Return spans by name: their attributes, their id and their parent's."""
        found: dict[str, list[tuple[dict[str, str], bytes, bytes]]] = {}
        for batch in self.traces:
            for resource in batch.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        told = {each.key: each.value.string_value for each in span.attributes}
                        seen = (told, span.span_id, span.parent_span_id)
                        found.setdefault(span.name, []).append(seen)
        return found

    def counts(self) -> dict[Sequence[str], int]:
        """Return how many calls the histogram counts, by operation and outcome."""
        found: dict[Sequence[str], int] = {}
        for batch in self.metrics:
            for resource in batch.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        for point in metric.histogram.data_points:
                            told = {each.key: each.value.string_value for each in point.attributes}
                            if metric.name == "bluewater.provider.call.duration":
                                found[told["operation"], told["outcome"]] = point.count
        return found


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on loopback."""
    kept = Collector()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                kept.traces.append(ExportTraceServiceRequest.FromString(body))
            else:
                kept.metrics.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()
