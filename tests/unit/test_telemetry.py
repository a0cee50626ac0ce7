"""What a collector of OpenTelemetry receives: real spans and figures, over the wire."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collectors import Collector, collecting

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


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as kept:
        yield kept


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
