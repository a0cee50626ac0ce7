"""What is asked of Vertex AI, and what its answers mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.cloud.aiplatform_v1.types import CreateCustomJobRequest, CustomJob, JobState
from google.rpc import error_details_pb2, status_pb2

from blocks.contracts import InvalidRequest, Phase, TrainingRequest
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.messages import check
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.machines import from_machine_spec, parts_of, to_machine_spec
from blocks.providers.gcp.training_calls import Left, Options, from_custom_job, to_custom_job
from blocks.workload import Outcome

ACCOUNT = GcpAccount(
    project="p",
    location="europe-west4",
    bucket="models",
    owner="Team A",
    service_account="jobs@p.iam.gserviceaccount.com",
    labels={"cost-centre": "7"},
    network="",
    network_attachment="",
    kms_key="",
)
OPTIONS = Options(image="trainer:1", boot_disk_gb=100, restart=True)
REQUEST = TrainingRequest(
    source_uri="gs://models/code/",
    command=("python", "train.py"),
    machine="n1-standard-4",
    data_uri="gs://models/data",
    checkpoint_uri="gs://models/checkpoints",
    output_uri="gs://models/out",
    max_duration=timedelta(minutes=90),
)
BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
DONE = Outcome(ok=True, model_uri="gs://models/out/model/model-1", digest="d", metrics={"auc": 0.9})


def asked(**changes: Any) -> CustomJob:
    request = REQUEST.model_copy(update=changes)
    return CustomJob(to_custom_job(request, "t" * 32, account=ACCOUNT, options=OPTIONS))


def status(code: grpc.StatusCode, *details: Any) -> status_pb2.Status:
    return GcpError(code, "so it is", *details).status()


def test_the_call_of_a_spot_job_is_this() -> None:
    job = asked(spot=True, secrets={"API_KEY": "api-key"}, parameters={"rounds": "7"})
    check(CreateCustomJobRequest(parent=ACCOUNT.parent, custom_job=job))
    told = CustomJob.to_dict(job, use_integers_for_enums=False)
    assert job.display_name.endswith("t" * 32)
    assert set(job.labels) == {
        "bluewater-owner",
        "bluewater-token",
        "bluewater-kind",
        "cost-centre",
    }
    assert job.labels["bluewater-owner"].startswith("owner-")  # a label holds no such name
    spec = told["job_spec"]
    assert spec["scheduling"] == {
        "timeout": "5400s",
        "restart_job_on_worker_restart": True,
        "strategy": "SPOT",
        "disable_retries": False,
    } | {name: value for name, value in spec["scheduling"].items() if name == "max_wait_duration"}
    assert spec["service_account"] == ACCOUNT.service_account
    assert spec["base_output_directory"] == {"output_uri_prefix": "gs://models/out"}
    pool = spec["worker_pool_specs"][0]
    assert pool["machine_spec"]["machine_type"] == "n1-standard-4"
    assert pool["container_spec"]["image_uri"] == "trainer:1"
    assert pool["container_spec"]["args"] == ["python", "train.py"]
    env = {each["name"]: each["value"] for each in pool["container_spec"]["env"]}
    assert env["BLUEWATER_SOURCE"] == "gs://models/code"
    assert env["BLUEWATER_PARAMETERS"] == '{"rounds": "7"}'
    assert env["BLUEWATER_SECRETS"] == "API_KEY"
    assert "projects/p/secrets/api-key/versions/latest" in env["BLUEWATER_SECRETS_FROM"]


def test_networks_and_keys_are_asked_for_only_where_they_are_wanted() -> None:
    assert "network" not in CustomJob.to_dict(asked(), including_default_value_fields=False) or (
        asked().job_spec.network == ""
    )
    settings = {
        "network": "projects/1/global/networks/n",
        "kms_key": "k",
        "network_attachment": "a",
    }
    account = ACCOUNT.model_copy(update=settings)
    job = CustomJob(to_custom_job(REQUEST, "t", account=account, options=OPTIONS))
    assert job.job_spec.network == settings["network"]
    assert job.encryption_spec.kms_key_name == "k"
    assert job.job_spec.psc_interface_config.network_attachment == "a"


def test_the_first_of_several_machines_is_a_pool_of_its_own() -> None:
    pools = asked(nodes=4).job_spec.worker_pool_specs
    assert [pool.replica_count for pool in pools] == [1, 3]


@pytest.mark.parametrize(
    "machine", ["n1-standard-4", "n1-standard-8+2xNVIDIA_TESLA_T4", "ct5lp-hightpu-4t:2x2"]
)
def test_a_machine_comes_back_under_its_name(machine: str) -> None:
    spec = asked(machine=machine).job_spec.worker_pool_specs[0].machine_spec
    assert from_machine_spec(spec) == machine


@pytest.mark.parametrize(
    "machine", ["", "big", "n1-standard-4+NVIDIA_TESLA_T4", "n1-standard-4+1xT"]
)
def test_what_is_no_machine_is_refused(machine: str) -> None:
    with pytest.raises(InvalidRequest, match="none of Vertex"):
        to_machine_spec(machine)


def test_a_machine_is_taken_apart() -> None:
    assert parts_of("n1-standard-8+2xNVIDIA_TESLA_T4") == ("n1-standard-8", 2, "NVIDIA_TESLA_T4")
    assert parts_of("e2-standard-4") == ("e2-standard-4", 0, "")


QUOTA = error_details_pb2.QuotaFailure(
    violations=[error_details_pb2.QuotaFailure.Violation(subject="cpus")]
)


@pytest.mark.parametrize(
    ("state", "error", "phase", "code"),
    [
        ("QUEUED", None, Phase.QUEUED, None),
        ("PENDING", None, Phase.QUEUED, None),
        ("RUNNING", None, Phase.RUNNING, None),
        ("UPDATING", None, Phase.RUNNING, None),
        ("PAUSED", None, Phase.RUNNING, None),
        ("CANCELLING", None, Phase.RUNNING, None),
        ("CANCELLED", None, Phase.CANCELLED, "CANCELLED"),
        ("EXPIRED", None, Phase.INTERRUPTED, "MAX_WAIT"),
        ("SUCCEEDED", None, Phase.FAILED, "NO_OUTCOME"),
        ("FAILED", status(grpc.StatusCode.INVALID_ARGUMENT), Phase.FAILED, "INVALID_ARGUMENT"),
        ("FAILED", status(grpc.StatusCode.PERMISSION_DENIED), Phase.FAILED, "PERMISSION_DENIED"),
        ("FAILED", status(grpc.StatusCode.INTERNAL), Phase.INTERRUPTED, "INTERNAL"),
        ("FAILED", status(grpc.StatusCode.UNAVAILABLE), Phase.INTERRUPTED, "UNAVAILABLE"),
        (
            "FAILED",
            status(grpc.StatusCode.RESOURCE_EXHAUSTED),
            Phase.INTERRUPTED,
            "RESOURCE_EXHAUSTED",
        ),
        (
            "FAILED",
            status(grpc.StatusCode.RESOURCE_EXHAUSTED, QUOTA),
            Phase.FAILED,
            "RESOURCE_EXHAUSTED",
        ),
    ],
)
def test_states_mean_phases(
    state: str, error: status_pb2.Status | None, phase: Phase, code: str | None
) -> None:
    job = asked()
    job.state = JobState[f"JOB_STATE_{state}"]
    job.start_time, job.end_time = BEGAN, BEGAN + timedelta(minutes=1)
    if error is not None:
        job.error = error
    found = from_custom_job(job, Left(last_lines="the last words"))
    assert found.phase is phase
    assert (found.failure.code if found.failure else None) == code
    assert (found.poll_after is None) is found.phase.done


@pytest.mark.parametrize("state", ["CANCELLED", "FAILED"])
def test_who_ran_as_long_as_it_may_took_too_long_however_it_ended(state: str) -> None:
    job = asked()
    job.state = JobState[f"JOB_STATE_{state}"]
    job.start_time, job.end_time = BEGAN, BEGAN + REQUEST.max_duration
    found = from_custom_job(job, Left())
    assert (found.phase, found.failure and found.failure.code) == (Phase.FAILED, "MAX_DURATION")


@pytest.mark.parametrize("state", ["SUCCEEDED", "CANCELLED", "FAILED"])
def test_a_job_that_left_a_model_has_succeeded_however_it_ended(state: str) -> None:
    job = asked()
    job.state = JobState[f"JOB_STATE_{state}"]
    job.start_time, job.end_time = BEGAN, BEGAN + timedelta(minutes=1)
    found = from_custom_job(job, Left(outcome=DONE))
    assert found.phase is Phase.SUCCEEDED
    assert found.result is not None
    assert found.result.metrics == {"auc": 0.9}


def test_time_is_told_of_all_machines_and_restarts_are_counted() -> None:
    job = asked(nodes=3, spot=True)
    job.state = JobState.JOB_STATE_RUNNING
    job.start_time, job.end_time = BEGAN, BEGAN + timedelta(minutes=10)
    found = from_custom_job(job, Left(starts=3))
    assert found.interruptions == 2
    assert found.usage is not None
    assert found.usage.seconds == 1800
    assert found.usage.spot
    assert found.usage.billed_seconds is None


def test_owners_never_share_a_name_or_a_label() -> None:
    other = ACCOUNT.model_copy(update={"owner": "team-a"})
    assert ACCOUNT.named("t") != other.named("t")
    assert ACCOUNT.owner_label != other.owner_label == "team-a"
