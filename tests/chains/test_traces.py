"""A collector sees which task, of which flow run, made a call of a provider."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chains.command import ROOT
from tests.collectors import collecting

FLOW = """
import sys
from pathlib import Path
import flows
from prefect import flow, task
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore

@task(task_run_name="keep it")
def keep() -> None:
    store = LocalStore(machine=LocalMachine(workspace=Path(sys.argv[1])))
    store.write(f"{store.root}/here", b"1")

@flow(flow_run_name="traced")
def traced() -> None:
    keep()

traced()
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_calls_of_a_task_stand_below_it_and_it_below_its_flow(
    workspace: Path, prefect_api: str
) -> None:
    with collecting() as collector:
        told = {"PREFECT_API_URL": prefect_api, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        words = [sys.executable, "-c", FLOW, str(workspace)]
        subprocess.run(words, cwd=ROOT, env={**os.environ, **told}, check=True, timeout=600)
    spans = collector.spans()
    [(_, _, above)] = spans["store.write"]
    [(_, task, above_task)] = spans["keep it"]
    [(_, flow, nobody)] = spans["traced"]
    assert (above, above_task, nobody) == (task, flow, b"")
