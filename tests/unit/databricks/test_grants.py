"""The grants that are shipped are neither too small nor too large for what the blocks do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.contracts import Denied, InvalidRequest, Phase, RunKey, TrainingJobs
from blocks.providers.databricks.bench import KEY
from blocks.providers.databricks.emulator.launch import CONTAINERS
from blocks.providers.databricks.permissions import allowed_grants
from deployments.databricks.grants import CALLER, SERVED
from tests.unit.exercises import everything


def lose_a_machine(bench: Any) -> None:
    jobs = bench.connect(TrainingJobs)
    bench.begin(ref := jobs.submit(bench.training_request(), key=RunKey(run="run-2", step="train")))
    bench.reclaim(ref)
    assert jobs.status(ref).phase is Phase.INTERRUPTED


def test_everything_is_granted_that_is_done_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    bench.emulator.pull("policy", key=KEY, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(SERVED))
    everything(bench, tmp_path, registers="mlflow-uc:model-versions.create")
    lose_a_machine(bench)
    assert set(bench.emulator.pull("actions", key=KEY)) - {""} == set(CALLER)
    assert set(bench.emulator.pull("actions", key=CONTAINERS)) - {""} == set(SERVED)


def test_who_may_start_no_run_is_told_that_permission_and_no_other(bench: Any) -> None:
    bench.emulator.pull("policy", key=KEY, actions=["* VOLUME", "scope *"])
    jobs = bench.connect(TrainingJobs)
    with pytest.raises(Denied, match="allow-cluster-create"):
        jobs.submit(bench.training_request(), key=RunKey(run="run-1", step="train"))


@pytest.mark.parametrize(("who", "grants"), [("caller", CALLER), ("served", SERVED)])
def test_the_documents_are_grants_that_can_be_rehearsed(
    who: str, grants: tuple[str, ...], tmp_path: Path
) -> None:
    asked = [sys.executable, "-m", "deployments.databricks", who, "--principal=flows"]
    printed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    file = tmp_path / "grants.json"
    file.write_text(printed)
    assert set(allowed_grants(file)) == set(grants)
    assert all(line.endswith("TO `flows`") for line in json.loads(printed)["sql"])


@pytest.mark.parametrize("text", ["", "[]", '{"sql": []}', "{"])
def test_what_has_no_grants_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "grants.json"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match="no grants"):
        allowed_grants(file)
