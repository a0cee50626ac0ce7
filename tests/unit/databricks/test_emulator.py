"""The emulated workspace says no as Databricks does, to the SDK's own client."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.compute import ClusterSpec, DataSecurityMode
from databricks.sdk.service.jobs import SparkPythonTask, SubmitTask

from blocks.contracts import RunKey, TrainingJobs
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.bench import DatabricksBench
from blocks.providers.databricks.emulator import schema
from blocks.providers.databricks.emulator.launch import SCOPE, Workspace
from blocks.providers.databricks.emulator.refusals import Refused
from blocks.providers.databricks.places import path_of
from blocks.providers.databricks.runs import is_over
from blocks.testing.waiting import NEVER, until
from blocks.testing.worlds import NotEmulated

KEY = RunKey(run="run-1", step="train")
SUBMIT = schema.method("jobs:JobsAPI.submit")
CLUSTER: dict[str, Any] = {
    "spark_version": "16.4.x-scala2.12",
    "node_type_id": "m5.xlarge",
    "num_workers": 1,
    "data_security_mode": DataSecurityMode.SINGLE_USER,
}


@pytest.fixture
def client(account: DatabricksWorkspace) -> WorkspaceClient:
    return account.client()


@pytest.fixture
def home(account: DatabricksWorkspace) -> str:
    return path_of(account.root).rpartition("/")[0]


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(DatabricksError) as caught:
        call()
    return str(caught.value.error_code)


def task(**cluster: Any) -> SubmitTask:
    told = ClusterSpec(**{**CLUSTER, **cluster})
    python = SparkPythonTask(python_file="/Volumes/main/a/b/c.py")
    return SubmitTask(task_key="one", spark_python_task=python, new_cluster=told)


def test_files_are_refused_as_by_the_files_api(client: WorkspaceClient, home: str) -> None:
    files = client.files
    files.upload(f"{home}/there", io.BytesIO(b"content"))
    again = io.BytesIO(b"again")
    assert refusal(lambda: files.upload(f"{home}/there", again, overwrite=False)) == (
        "ALREADY_EXISTS"
    )
    files.upload(f"{home}/new/folder/file", again)  # MLflow's client makes no folder before
    assert refusal(lambda: files.upload(f"{home}/there/file", again)) == "INVALID_PARAMETER_VALUE"
    assert refusal(lambda: files.download(f"{home}/nothing")) == "NOT_FOUND"
    assert refusal(lambda: files.delete(f"{home}/nothing")) == "NOT_FOUND"
    assert refusal(lambda: list(files.list_directory_contents(f"{home}/none"))) == "NOT_FOUND"
    assert refusal(lambda: files.download("/Volumes/main/not/there/file")) == "NOT_FOUND"
    assert refusal(lambda: files.download("/Workspace/file")) == "INVALID_PARAMETER_VALUE"
    assert refusal(lambda: files.download(f"{home}/../../x")) == "INVALID_PARAMETER_VALUE"
    files.create_directory(f"{home}/folder")
    files.upload(f"{home}/folder/file", io.BytesIO(b""))
    assert refusal(lambda: files.delete_directory(f"{home}/folder")) == "DIRECTORY_NOT_EMPTY"


def test_secrets_are_refused_as_by_secret_scopes(client: WorkspaceClient) -> None:
    secrets = client.secrets
    assert refusal(lambda: secrets.get_secret(SCOPE, "none")) == "RESOURCE_DOES_NOT_EXIST"
    assert refusal(lambda: secrets.get_secret("none", "none")) == "RESOURCE_DOES_NOT_EXIST"
    assert refusal(lambda: secrets.create_scope(SCOPE)) == "RESOURCE_ALREADY_EXISTS"
    assert refusal(lambda: secrets.put_secret(SCOPE, "a b", string_value="x")) == (
        "INVALID_PARAMETER_VALUE"
    )


@pytest.mark.parametrize(
    "cluster",
    [
        {"num_workers": 0},
        {"node_type_id": None},
        {"spark_version": None},
        {"data_security_mode": DataSecurityMode.NONE},
    ],
)
def test_a_cluster_that_cannot_be_is_refused(
    client: WorkspaceClient, cluster: dict[str, Any]
) -> None:
    told = task(**cluster)
    assert refusal(lambda: client.jobs.submit(tasks=[told])) == "INVALID_PARAMETER_VALUE"


def test_runs_are_refused_as_by_the_jobs_api(client: WorkspaceClient) -> None:
    jobs = client.jobs
    assert refusal(lambda: jobs.get_run(1)) == "INVALID_PARAMETER_VALUE"
    assert refusal(lambda: jobs.cancel_run(1)) == "INVALID_PARAMETER_VALUE"
    assert refusal(lambda: client.clusters.get("none")) == "INVALID_PARAMETER_VALUE"
    long = "x" * 65
    assert refusal(lambda: jobs.submit(tasks=[task()], idempotency_token=long)) == (
        "INVALID_PARAMETER_VALUE"
    )


def test_a_run_whose_file_or_secret_is_not_there_fails_and_says_why(
    client: WorkspaceClient,
) -> None:
    env = {"KEY": "{{secrets/bluewater/none}}"}
    for told, code, said in (
        (task(), "RESOURCE_NOT_FOUND", "c.py"),
        (task(spark_env_vars=env), "CLUSTER_ERROR", "none"),
    ):
        id_ = client.jobs.submit(tasks=[told]).response.run_id

        def over(number: int = id_) -> bool:
            return is_over(client.jobs.get_run(number))

        until(over)
        details = client.jobs.get_run(id_).status.termination_details
        assert details.code.value == code
        assert said in details.message


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"run_nam": "x"}, "run_nam: not a field"),
        ({"run_name": 7}, "run_name: '7' is not of kind str"),
        ({"tasks": {}}, "tasks: list is expected"),
        ({"tasks": [{}]}, "task_key: required"),
        ({"tasks": [{"task_key": "a", "new_cluster": {"num_workers": "1"}}]}, "num_workers"),
        ({"tasks": [{"task_key": "a", "run_if": "NEVER"}]}, "'NEVER' is not one of RunIf"),
        ({"tasks": [{"task_key": "a", "new_clusters": {}}]}, "not a field of SubmitTask"),
    ],
)
def test_what_the_sdk_would_not_send_is_refused(body: dict[str, Any], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        schema.check_request(SUBMIT, {}, {}, body)


def test_what_the_sdk_cannot_read_is_the_emulators_own_fault() -> None:
    asked = schema.method("jobs:JobsAPI.get_run")
    schema.check_answer(asked, {"run_id": 1, "state": {"life_cycle_state": "RUNNING"}})
    with pytest.raises(ValueError, match="RUNNNING"):
        schema.check_answer(asked, {"run_id": 1, "state": {"life_cycle_state": "RUNNNING"}})


def test_nobody_is_served_without_a_token_of_this_world(emulator: Workspace) -> None:
    url = f"{emulator.url}/api/2.2/jobs/runs/list"
    assert httpx.get(url, timeout=NEVER).json()["error_code"] == "UNAUTHENTICATED"
    forged = {"Authorization": "Bearer bluewater-release.99999999999.c2ln"}
    assert httpx.get(url, headers=forged, timeout=NEVER).json()["error_code"] == "INVALID_TOKEN"
    token = {"Authorization": "Bearer dapi-somebody"}
    assert httpx.get(url, headers=token, timeout=NEVER).json()["runs"] == []
    form = {"grant_type": "client_credentials"}
    assert httpx.post(f"{emulator.url}/oidc/v1/token", data=form, timeout=NEVER).status_code == 401


def test_what_is_not_emulated_is_an_error_and_fails_whoever_tests(tmp_path: Path) -> None:
    with pytest.raises(NotEmulated, match="pipelines"), DatabricksBench(tmp_path) as bench:
        pipelines = bench.account.client().pipelines
        assert refusal(lambda: list(pipelines.list_pipelines())) == "ENDPOINT_NOT_FOUND"
        assert [each["status"] for each in bench.emulator.unknown()] == [501]


def test_grants_allow_what_they_name_and_nothing_else(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    emulator.pull("policy", key="reader", actions=["run CAN_VIEW"])
    other = DatabricksWorkspace(
        **{
            **account.model_dump(exclude={"client_secret"}),
            "client_id": "reader",
            "client_secret": account.client_secret,
        }
    )
    assert list(other.client().jobs.list_runs()) == []
    assert refusal(lambda: other.client().jobs.cancel_run(1)) == "PERMISSION_DENIED"
    assert refusal(lambda: other.client().files.download(path_of(account.root))) == (
        "PERMISSION_DENIED"
    )


def test_a_secret_is_in_no_record_of_calls(bench: Any, emulator: Workspace) -> None:
    bench.keep_secret("api-key", "sesame")
    [call] = [each for each in emulator.calls("workspace:put_secret") if each["key"]][-1:]
    assert "sesame" not in str(call)


def test_runs_are_told_page_by_page(bench: Any, client: WorkspaceClient) -> None:
    jobs = bench.connect(TrainingJobs)
    made = [
        jobs.submit(bench.training_request(script="x"), key=KEY.model_copy(update={"attempt": n}))
        for n in range(3)
    ]
    told = [str(run.run_id) for run in client.jobs.list_runs(limit=2)]
    assert told == [ref.id for ref in reversed(made)]
    for ref in made:
        bench.settle(ref)
