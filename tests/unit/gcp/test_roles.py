"""The roles that are shipped are neither too small nor too large for what the blocks do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.contracts import Candidates, InvalidRequest, Inventory, Study, TrainingJobs
from blocks.providers.gcp.bench import TOKEN
from blocks.providers.gcp.emulator.launch import CONTAINERS
from blocks.providers.gcp.permissions import allowed_permissions
from deployments.gcp.roles import ACTING, CALLER, JOBS
from tests.unit.exercises import RUN, everything

TRACES = {"storage.buckets.get"}  # Google's library asks for its traces alone, and takes a no

PRUNES = """
import time
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    for step in range(1, 41):
        time.sleep(0.1)  # work, during which what was saved is brought to the bucket
        with job.checkpoints.saving(step) as folder:
            (folder / "state").write_text(str(step))
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text("1")
    job.succeed(model=model, metrics={})
"""


def search(bench: Any) -> None:
    jobs = bench.connect(TrainingJobs)
    study = Study(metric="auc", parameters={"rate": Candidates(low=0, high=1)}, trials=1)
    request = bench.training_request().model_copy(update={"study": study})
    ref = jobs.submit(request, key=RUN)
    jobs.cancel(ref)
    bench.settle(ref)
    assert all(not each.running for each in bench.connect(Inventory).owned())


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    bench.emulator.pull("policy", key=TOKEN, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(JOBS))
    everything(bench, tmp_path, registers="aiplatform:UploadModel")
    request = bench.training_request(script=PRUNES)
    bench.settle(bench.connect(TrainingJobs).submit(request, key=RUN))
    search(bench)
    assert set(bench.emulator.pull("actions", key=TOKEN)) == set(CALLER)
    assert set(bench.emulator.pull("actions", key=CONTAINERS)) - TRACES == set(JOBS)


@pytest.mark.parametrize(("role", "permissions"), [("caller", (*CALLER, *ACTING)), ("jobs", JOBS)])
def test_the_documents_are_roles_that_can_be_rehearsed(
    role: str, permissions: tuple[str, ...], tmp_path: Path
) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "deployments.gcp", role], capture_output=True, text=True, check=True
    ).stdout
    assert set(yaml.safe_load(printed)) == {
        "title",
        "description",
        "stage",
        "includedPermissions",
    }
    file = tmp_path / "role.yaml"
    file.write_text(printed)
    assert set(allowed_permissions(file)) == set(permissions)


@pytest.mark.parametrize("text", ["", "- a", "title: x", "{"])
def test_what_is_no_role_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "role.yaml"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match="no custom role"):
        allowed_permissions(file)
