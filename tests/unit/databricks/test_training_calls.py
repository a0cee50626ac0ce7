"""Requests in Databricks' words, and what the ends of its runs mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from databricks.sdk.service.compute import TerminationReason, TerminationReasonCode
from databricks.sdk.service.jobs import Run

from blocks.contracts import Phase, TrainingRequest, Unsupported
from blocks.providers.databricks.account import CloudName, DatabricksWorkspace
from blocks.providers.databricks.placement import Placement, require_placeable
from blocks.providers.databricks.runs import is_of, machines_of
from blocks.providers.databricks.training_calls import (
    Seen,
    Shipped,
    from_run,
    notes_of,
    output_of,
    progress_of,
    to_plan,
    to_submit,
    token_of,
)
from blocks.workload import Outcome

TOKEN = "0" * 32
ROOT = "dbfs:///Volumes/main/bluewater/files/bluewater"
SHIPPED = Shipped(start=f"{ROOT}/kit/start.py", kit=f"{ROOT}/kit/kit.zip")
REQUEST = TrainingRequest(
    source_uri=f"{ROOT}/code",
    command=("python", "train.py"),
    machine="m5.xlarge",
    data_uri=f"{ROOT}/data",
    checkpoint_uri=f"{ROOT}/checkpoints",
    output_uri=f"{ROOT}/output/",
)


def submit(cloud: CloudName = "aws", pool: str = "", **changes: Any) -> dict[str, Any]:
    account = DatabricksWorkspace(host="https://dbx", cloud=cloud, owner="me")
    request = REQUEST.model_copy(update=changes)
    placement = Placement(cloud=cloud, runtime="16.4", pool=pool, dependencies=["lightgbm>=4"])
    call = to_submit(request, TOKEN, account=account, shipped=SHIPPED, placement=placement)
    return {
        name: [each.as_dict() for each in value] if isinstance(value, list) else value
        for name, value in call.items()
    }


def run(code: str, *, kind: str = "CLIENT_ERROR", result: str = "FAILED", ran: int = 5) -> Run:
    told: dict[str, Any] = {
        **submit()["tasks"][0],
        "run_id": 2,
        "execution_duration": ran,
    }
    details = {"code": code, "type": kind, "message": "words"}
    return Run.from_dict(
        {
            "run_id": 1,
            "start_time": 1000,
            "end_time": 61000,
            "state": {"life_cycle_state": "TERMINATED", "result_state": result},
            "status": {"state": "TERMINATED", "termination_details": details},
            "tasks": [told],
        }
    )


def reason(code: TerminationReasonCode) -> TerminationReason:
    return TerminationReason(code=code)


def test_the_token_is_in_the_call_and_short_enough() -> None:
    call = submit()
    assert call["idempotency_token"] == call["run_name"]
    assert call["run_name"].endswith(TOKEN)
    assert len(call["idempotency_token"]) <= 64


@pytest.mark.parametrize(
    ("cloud", "field", "on_demand", "spot"),
    [
        ("aws", "aws_attributes", "ON_DEMAND", "SPOT_WITH_FALLBACK"),
        ("azure", "azure_attributes", "ON_DEMAND_AZURE", "SPOT_WITH_FALLBACK_AZURE"),
        ("gcp", "gcp_attributes", "ON_DEMAND_GCP", "PREEMPTIBLE_WITH_FALLBACK_GCP"),
    ],
)
def test_spot_is_said_in_the_words_of_each_cloud(
    cloud: CloudName, field: str, on_demand: str, spot: str
) -> None:
    for asked, availability, first in ((False, on_demand, 1), (True, spot, 0)):
        cluster = submit(cloud, spot=asked)["tasks"][0]["new_cluster"]
        assert cluster[field]["availability"] == availability
        assert cluster[field]["first_on_demand"] == first


def test_a_machine_of_a_pool_is_described_by_the_pool() -> None:
    """Node type and spot are the pool's: the service refuses them beside it."""
    cluster = submit(pool="pool-7", spot=True)["tasks"][0]["new_cluster"]
    assert (cluster["instance_pool_id"], cluster["driver_instance_pool_id"]) == ("pool-7", "pool-7")
    assert not {"node_type_id", "aws_attributes"} & set(cluster)
    assert cluster["custom_tags"]["bluewater-machine"] == "m5.xlarge"


def test_a_serverless_run_has_an_environment_and_its_marks_on_the_task() -> None:
    call = submit(machine="serverless")
    [task], [environment] = call["tasks"], call["environments"]
    assert "new_cluster" not in task
    assert task["environment_key"] == environment["environment_key"]
    assert environment["spec"]["dependencies"] == ["lightgbm>=4"]
    told = Run.from_dict({"run_id": 1, "run_name": call["run_name"], "tasks": [task]})
    assert is_of(told, "me", call["run_name"], "training")
    assert machines_of(told).machine == "serverless"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"spot": True}, "SPOT"),
        ({"image": "registry.example.com/mine:1"}, "IMAGE"),
        ({"secrets": {"API_KEY": "api-key"}}, "SECRETS"),
        ({"machine": "serverless-gpu"}, "MACHINE"),
    ],
)
def test_what_serverless_compute_cannot_do_is_refused(change: dict[str, Any], code: str) -> None:
    request = REQUEST.model_copy(update={"machine": "serverless", **change})
    with pytest.raises(Unsupported) as caught:
        require_placeable(request, request.image)
    assert caught.value.code == code
    require_placeable(REQUEST.model_copy(update={**change, "machine": "m5.xlarge"}), "")


def test_a_run_shows_names_of_secrets_and_no_word_of_the_request() -> None:
    told = submit(
        secrets={"API_KEY": "api-key", "OTHER": "scope/key"},
        env={"NAME": "value-of-env"},
        parameters={"rounds": "value-of-parameter"},
    )
    cluster = told["tasks"][0]["new_cluster"]
    assert cluster["spark_env_vars"] == {
        "API_KEY": "{{secrets/bluewater/api-key}}",
        "OTHER": "{{secrets/scope/key}}",
    }
    assert "value-of" not in str(told)


def test_output_and_token_are_told_by_the_run_itself() -> None:
    found = run("SUCCESS")
    assert output_of(found) == f"{ROOT}/output"
    assert token_of(found) == TOKEN
    assert notes_of(REQUEST, TOKEN) == f"{ROOT}/output/.job-{TOKEN}"


def test_the_plan_has_places_as_uris() -> None:
    plan = to_plan(REQUEST, TOKEN)
    assert plan.env["BLUEWATER_OUTPUT_URI"] == f"{ROOT}/output"
    assert plan.env["BLUEWATER_DATA"] == f"{ROOT}/data"
    assert plan.command == ("python", "train.py")


@pytest.mark.parametrize(
    ("found", "seen", "phase", "code"),
    [
        (run("SUCCESS", kind="SUCCESS", result="SUCCESS"), Seen(), Phase.FAILED, "NO_OUTCOME"),
        (run("USER_CANCELED", result="CANCELED"), Seen(), Phase.CANCELLED, "CANCELLED"),
        (run("CANCELED", result="TIMEDOUT"), Seen(), Phase.FAILED, "MAX_DURATION"),
        (run("RUN_EXECUTION_ERROR"), Seen(), Phase.FAILED, "RUN_EXECUTION_ERROR"),
        (
            run("RUN_EXECUTION_ERROR"),
            Seen(outcome=Outcome(ok=False, code="ValueError", message="NaN")),
            Phase.FAILED,
            "ValueError",
        ),
        (
            run("CLOUD_FAILURE", kind="CLOUD_FAILURE"),
            Seen(reason=reason(TerminationReasonCode.SPOT_INSTANCE_TERMINATION)),
            Phase.INTERRUPTED,
            "SPOT_INSTANCE_TERMINATION",
        ),
        (run("DRIVER_ERROR", kind="INTERNAL_ERROR"), Seen(), Phase.INTERRUPTED, "DRIVER_ERROR"),
        (
            run("WORKSPACE_RUN_LIMIT_EXCEEDED", ran=0),
            Seen(),
            Phase.INTERRUPTED,
            "WORKSPACE_RUN_LIMIT_EXCEEDED",
        ),
        (
            run("CLUSTER_ERROR", kind="CLOUD_FAILURE", ran=0),
            Seen(reason=reason(TerminationReasonCode.AWS_RESOURCE_QUOTA_EXCEEDED)),
            Phase.FAILED,
            "AWS_RESOURCE_QUOTA_EXCEEDED",
        ),
        (run("UNAUTHORIZED_ERROR", ran=0), Seen(), Phase.FAILED, "UNAUTHORIZED_ERROR"),
    ],
)
def test_ends_are_told_apart(found: Run, seen: Seen, phase: Phase, code: str) -> None:
    status = from_run(found, seen)
    assert status.phase is phase
    assert status.failure is not None
    assert status.failure.code == code


def test_only_what_ran_was_interrupted() -> None:
    lost = run("CLOUD_FAILURE", kind="CLOUD_FAILURE")
    never = run("CLOUD_FAILURE", kind="CLOUD_FAILURE", ran=0)
    assert from_run(lost, Seen()).interruptions == 1
    assert from_run(never, Seen()).interruptions == 0


def test_a_model_counts_although_the_machine_was_lost_after_it() -> None:
    outcome = Outcome(ok=True, model_uri=f"{ROOT}/output/model", digest="d", metrics={"auc": 1.0})
    status = from_run(run("CLOUD_FAILURE", kind="CLOUD_FAILURE"), Seen(outcome=outcome))
    assert status.phase is Phase.SUCCEEDED
    assert status.usage is not None
    assert status.usage.seconds == 60


def test_progress_is_a_share() -> None:
    assert progress_of(b'{"done": 1, "of": 4, "metrics": {}}') == 0.25
    assert progress_of(b'{"done": 1, "of": 0, "metrics": {}}') is None


def test_a_fraction_of_a_second_is_a_second() -> None:
    told = submit(max_duration=timedelta(seconds=0.2))
    assert told["tasks"][0]["timeout_seconds"] == 1
