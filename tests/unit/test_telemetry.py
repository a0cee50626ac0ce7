"""What a collector of OpenTelemetry receives: real spans and figures, over the wire."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ROOT = Path(__file__).parents[2]

WORK = """
import contextlib, sys
from pathlib import Path
import flows
from blocks.contracts import NotFound
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
store = LocalStore(machine=LocalMachine(workspace=Path(sys.argv[1])))
store.write(f"{store.root}/here", b"1")
with contextlib.suppress(NotFound):
    store.read(f"{store.root}/a-word-that-nobody-should-tell")
from opentelemetry import trace
with trace.get_tracer("prefect").start_as_current_span("as Prefect does"):
    store.read(f"{store.root}/here")
"""


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


@pytest.fixture
def collector() -> Iterator[Collector]:
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


def test_a_collector_gets_the_calls_of_providers_below_their_runs(
    tmp_path: Path, collector: Collector
) -> None:
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    subprocess.run(
        [sys.executable, "-c", WORK, str(tmp_path)], cwd=ROOT, env=environment, check=True
    )
    spans = collector.spans()
    [(told, _, _)] = spans["store.write"]
    assert told == {
        "provider": "local",
        "capability": "store",
        "operation": "write",
        "outcome": "ok",
    }
    [(_, run, _)] = spans["as Prefect does"]
    failed, fine = spans["store.read"]
    assert failed[0]["outcome"] == "NotFound"
    assert fine[2] == run
    assert collector.counts() == {("write", "ok"): 1, ("read", "NotFound"): 1, ("read", "ok"): 1}
    assert "nobody-should-tell" not in str(collector.traces) + str(collector.metrics)


def test_without_a_collector_nothing_of_it_is_imported() -> None:
    code = "import sys, flows; print(*sys.modules)"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        check=True,
        text=True,
    )
    assert not [name for name in done.stdout.split() if name.startswith("opentelemetry")]
