"""A sweep as people run it: by hand and as a flow of a real Prefect server; and the audit of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.contracts import ObjectStore
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from tasks.audit.log import AuditLog
from tasks.runs import close_run, open_run
from tests.chains.command import ROOT, run, run_json

FLOW = """
import json
from datetime import timedelta
from blocks.platform import Platform
from flows.sweep import sweep
from tasks.sweep.spec import SweepSpec
here, spec = Platform(name="here"), SweepSpec(checkpoints_kept=timedelta(0))
reports = [sweep(here, spec, remove=remove) for remove in (False, True, True)]
print(json.dumps([list(report.removed) for report in reports]))
"""
AT_ONCE = ("--set", "checkpoints_kept=PT0S")


def leave_checkpoints(store: ObjectStore, run_: str) -> None:
    open_run(store, run_, "digest", run=run_)
    store.write(f"{store.root}/runs/{run_}/checkpoints/1/state", b"x" * 100)
    close_run(store, run_, run_, how="done")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_orphans_go_by_command_and_by_flow_and_the_audit_tells_of_both(
    workspace: Path, prefect_api: str
) -> None:
    where: dict[str, Any] = {"workspace": workspace, "api": prefect_api}
    store = LocalStore(machine=LocalMachine(workspace=workspace))
    leave_checkpoints(store, "first")

    out, _ = run("sweep", *AT_ONCE, **where)
    assert "with --yes" in out
    assert run_json("sweep", *AT_ONCE, **where)["removed"] == []
    removed = run_json("sweep", "--yes", "--why", "disk is full", *AT_ONCE, **where)["removed"]
    assert removed == ["checkpoints first"]
    run("sweep", "--set", "grace=soon", code=2, **where)

    leave_checkpoints(store, "second")
    environment = {**os.environ, "BLUEWATER_HOME": str(workspace), "PREFECT_API_URL": prefect_api}
    done = subprocess.run(
        [sys.executable, "-c", FLOW],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == [[], ["checkpoints second"], []]

    lines = run_json("audit", **where)
    told = [(line["act"], line["subject"], line["why"]) for line in lines]
    assert told == [("sweep", "second", "scheduled"), ("sweep", "first", "disk is full")]
    head = run_json("audit", "--verify", **where)["head"]
    run("audit", "--head", head, **where)
    uri = f"{store.root}/audit/lines/{0:012d}.json"
    store.write(uri, store.read(uri).replace(b"disk is full", b"disk is fine"))
    verdict = run_json("audit", "--verify", code=11, **where)
    assert verdict["problems"]
    assert json.loads(AuditLog(store).content(1))["number"] == 1
