"""The roles that are shipped are neither too small nor too large for what the blocks do."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from blocks.contracts import (
    Candidates,
    Capture,
    Check,
    Endpoints,
    InvalidRequest,
    Inventory,
    Monitor,
    MonitoringSchedule,
    MonitoringSchedules,
    ObjectStore,
    Phase,
    Study,
    Traffic,
    TrainingJobs,
    Window,
)
from blocks.providers.gcp.bench import TOKEN
from blocks.providers.gcp.emulator.launch import CONTAINERS
from blocks.providers.gcp.endpoint_levers import IMAGE
from blocks.providers.gcp.permissions import allowed_permissions
from blocks.providers.gcp.prediction.batch import VertexBatchPrediction
from blocks.testing.waiting import until
from deployments.gcp.roles import ACTING, CALLER, JOBS
from tests.unit.exercises import ROW, RUN, everything

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


def predict(bench: Any) -> None:
    """Have a batch prediction job score, and stop another."""
    jobs = VertexBatchPrediction(account=bench.account.model_copy(), image=IMAGE)
    ref = jobs.submit(bench.batch_request(20), key=RUN)
    until(lambda: jobs.status(ref).phase.done)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    jobs.cancel(jobs.submit(bench.batch_request(20), key=RUN.next()))


def watch(bench: Any) -> None:
    """Have a monitor look, change what it knows of, and take its schedule down."""
    endpoints, monitors = bench.connect(Endpoints), bench.connect(MonitoringSchedules)
    store, request = bench.connect(ObjectStore), bench.variant_request()
    request = request.model_copy(update={"capture": Capture(sample=1.0)})
    bench.settle(endpoints.deploy(request, key=RUN))
    name = request.endpoint
    endpoints.shift(name, Traffic(percent={"blue": 100}), since=endpoints.traffic(name))
    assert endpoints.predict(name, ROW).status == 200
    for columns in ({"x": [0.5]}, {"x": [0.5], "prediction": [1.0]}):
        out = io.BytesIO()
        pq.write_table(pa.table(columns), out)
        kept = store.write(f"{store.root}/baseline-{len(columns)}.parquet", out.getvalue())
        monitors.ensure(
            MonitoringSchedule(
                endpoint=name,
                baseline_uri=kept.uri,
                output_uri=f"{store.root}/monitor",
                every=timedelta(hours=1),
                checks=(Check.DRIFT,),
            )
        )
    now = datetime.now(UTC)
    window = Window(start=now - timedelta(minutes=1), end=now)
    labels = {"endpoint": name, "variant": request.variant}
    bench.connect(Monitor).read("gcp/prediction/online/error_count", window, labels=labels)
    bench.look(name)
    assert len(monitors.looks(name, bench.looking(name))) == 1
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert monitors.schedule(name) is None


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    bench.emulator.pull("policy", key=TOKEN, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(JOBS))
    search(bench)
    predict(bench)
    watch(bench)
    everything(bench, tmp_path, registers="aiplatform:UploadModel")
    request = bench.training_request(script=PRUNES)
    bench.settle(bench.connect(TrainingJobs).submit(request, key=RUN))
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
