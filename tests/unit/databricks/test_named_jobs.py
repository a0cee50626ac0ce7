"""Runs of a job that has a name in the workspace: one job for all attempts, one run for each."""

from __future__ import annotations

import io
from typing import Any

import pyarrow.parquet as pq
import pytest
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import Task

from blocks.contracts import (
    BatchInference,
    Denied,
    Inventory,
    ObjectStore,
    Phase,
    RunKey,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.bench import KEY as RELEASE
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.inventory import DatabricksInventory
from blocks.providers.databricks.named_jobs import KIND
from blocks.providers.databricks.training import DatabricksTraining
from deployments.databricks.grants import CALLER, JOBS

KEY = RunKey(run="run-1", step="train")


@pytest.fixture
def training(account: DatabricksWorkspace) -> DatabricksTraining:
    return DatabricksTraining(account=account, job="flights")


def jobs_of(bench: Any) -> list[Any]:
    return [each for each in bench.connect(Inventory).owned() if each.kind == KIND]


def runs_of(account: DatabricksWorkspace, job_id: str) -> list[Any]:
    return list(account.client().jobs.list_runs(job_id=int(job_id)))


def test_all_attempts_are_runs_of_one_job_and_asking_twice_starts_one(
    bench: Any, account: DatabricksWorkspace, training: DatabricksTraining
) -> None:
    request = bench.training_request()
    first = training.submit(request, key=KEY)
    assert training.submit(request, key=KEY) == first
    bench.begin(first)
    bench.reclaim(first)
    assert training.status(first).phase is Phase.INTERRUPTED
    bench.succeed(second := training.submit(request, key=KEY.next()))
    status = training.status(second)
    assert status.phase is Phase.SUCCEEDED
    assert status.result is not None
    [job] = jobs_of(bench)
    assert job.name.startswith(account.named("flights-"))
    assert not job.running
    assert {str(run.run_id) for run in runs_of(account, job.id)} == {first.id, second.id}
    other = request.model_copy(update={"machine": "m5.2xlarge"})
    bench.succeed(training.submit(other, key=KEY))
    assert len(jobs_of(bench)) == 2, "a job is never changed: another machine is another one"


def test_two_that_make_it_at_once_use_the_same_one(
    bench: Any, account: DatabricksWorkspace, training: DatabricksTraining
) -> None:
    """The reply that it was made is lost, and that the run was started, too."""
    request = bench.training_request()
    bench.emulator.fault("lost-reply", call="jobs:create")
    bench.emulator.fault("lost-reply", call="jobs:run_now")
    bench.emulator.fault("stale-read", call="jobs:run_now")
    ref = training.submit(request, key=KEY)
    again = DatabricksTraining(account=account, job="flights")
    assert again.submit(request, key=KEY) == ref
    assert bench.created("training") == 1
    assert len(jobs_of(bench)) == 1
    bench.succeed(ref)


def test_a_job_that_was_the_second_goes_again(
    bench: Any, account: DatabricksWorkspace, training: DatabricksTraining
) -> None:
    """Whoever made one without having seen the first has it removed."""
    request = bench.training_request()
    ref = training.submit(request, key=KEY)
    [first] = jobs_of(bench)
    bench.emulator.fault("stale-read", call="files:download", subject="*/after-0")
    bench.emulator.fault("stale-read", call="jobs:list")
    late = DatabricksTraining(account=account, job="flights")
    assert late.submit(request, key=KEY) == ref
    assert [each.id for each in jobs_of(bench)] == [first.id]
    bench.succeed(ref)


def test_a_job_that_was_removed_in_the_workspace_is_made_anew(
    bench: Any, account: DatabricksWorkspace, training: DatabricksTraining
) -> None:
    request = bench.training_request()
    bench.succeed(training.submit(request, key=KEY))
    [job] = jobs_of(bench)
    bench.connect(Inventory).remove(job)
    assert jobs_of(bench) == []
    bench.connect(Inventory).remove(job)
    ref = training.submit(request, key=KEY.next())
    assert training.submit(request, key=KEY.next()) == ref
    [other] = jobs_of(bench)
    assert other.id != job.id
    bench.succeed(ref)


def test_a_job_of_somebody_else_stays(bench: Any, account: DatabricksWorkspace) -> None:
    theirs = account.model_copy(update={"owner": "somebody-else"})
    DatabricksTraining(account=theirs, job="flights").submit(bench.training_request(), key=KEY)
    their_own = DatabricksInventory(account=theirs)
    [job] = [each for each in their_own.owned() if each.kind == KIND]
    assert jobs_of(bench) == []
    with pytest.raises(Denied, match="does not carry the tag"):
        bench.connect(Inventory).remove(job)
    for each in list(their_own.owned()):
        their_own.remove(each)


def test_batch_runs_are_of_a_job_too(bench: Any, account: DatabricksWorkspace) -> None:
    batch = bench.connect(BatchInference).model_copy(update={"job": "scores"})
    request = bench.batch_request(200)
    bench.settle(ref := batch.submit(request, key=KEY))
    status = batch.status(ref)
    assert status.phase is Phase.SUCCEEDED
    store = bench.connect(ObjectStore)
    scored = [
        pq.read_table(io.BytesIO(store.read(each.uri))) for each in store.walk(request.output_uri)
    ]
    assert sum(len(each) for each in scored) == 200
    [job] = jobs_of(bench)
    assert job.name.startswith(account.named("scores-"))


def test_it_takes_the_rights_that_are_told(
    bench: Any, emulator: Workspace, training: DatabricksTraining
) -> None:
    request = bench.training_request()
    emulator.pull("policy", key=RELEASE, actions=[*CALLER])
    with pytest.raises(Denied):
        training.submit(request, key=KEY)
    emulator.pull("policy", key=RELEASE, actions=[*CALLER, *JOBS])
    bench.succeed(training.submit(request, key=KEY))
    bench.connect(Inventory).remove(jobs_of(bench)[0])
    assert set(JOBS) <= set(emulator.pull("actions", key=RELEASE))


TASK = {"task_key": "t", "spark_python_task": {"python_file": "/x.py", "parameters": []}}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"max_concurrent_runs": 1001}, "max_concurrent_runs"),
        ({"parameters": [{"name": "no spaces", "default": ""}]}, "Job parameter"),
        ({"tasks": [{**TASK, "environment_key": "none"}]}, "environment_key none"),
    ],
)
def test_the_workspace_refuses_what_is_no_job(
    account: DatabricksWorkspace, said: dict[str, Any], why: str
) -> None:
    told = {**said, "tasks": [Task.from_dict(each) for each in said.get("tasks", [TASK])]}
    with pytest.raises(DatabricksError, match=why):
        account.client().api_client.do("POST", "/api/2.2/jobs/create", body=_plain(told))


def test_a_parameter_that_a_job_has_not_is_refused(
    bench: Any, account: DatabricksWorkspace, training: DatabricksTraining
) -> None:
    bench.succeed(training.submit(bench.training_request(), key=KEY))
    [job] = jobs_of(bench)
    with pytest.raises(DatabricksError, match="no parameter x"):
        account.client().jobs.run_now(int(job.id), job_parameters={"x": "1"})


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    tasks = [each.as_dict() for each in told["tasks"]]
    return {**told, "tasks": tasks}
