"""The emulator refuses what the services refuse, in their words, to the real SDKs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.aiplatform_v1 import (
    JobServiceClient,
    TensorboardServiceClient,
)
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.oauth2.credentials import Credentials
from pydantic import SecretStr

from blocks.contracts import Denied
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator import launch
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.store import GcpStore
from blocks.testing.waiting import until

TOKEN = "ya29.somebody"
WRITES = "import os; open(os.environ['OUT'], 'w').write(os.environ['CLOUD_ML_JOB_ID'])"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Project]:
    with launch.project(tmp_path / "gcp", preloaded=True, grace=1.0) as project:
        yield project


@pytest.fixture
def bucket(emulator: Project) -> Any:
    """A bucket, through a client as somebody makes it who never heard of us."""
    client = storage.Client(
        project=emulator.project,
        credentials=Credentials(TOKEN),
        client_options={"api_endpoint": emulator.url},
    )
    return client.create_bucket("plain")


def account(emulator: Project, token: str = TOKEN, **more: Any) -> GcpAccount:
    return GcpAccount(
        project=emulator.project,
        location=emulator.location,
        access_token=SecretStr(token) if token else None,
        endpoint=emulator.endpoint,
        ca_file=str(emulator.ca_file),
        storage_endpoint=emulator.url,
        bucket="plain",
        **more,
    )


def jobs(emulator: Project) -> JobServiceClient:
    return account(emulator).client(JobServiceClient)


def job(script: str = WRITES, **changes: Any) -> dict[str, Any]:
    container = {
        "image_uri": "image",
        "command": ["python", "-c", script],
        "env": [{"name": "OUT", "value": "/gcs/plain/told.txt"}],
    }
    pool = {
        "machine_spec": {"machine_type": "n1-standard-4"},
        "replica_count": 1,
        "container_spec": container,
    }
    return {"display_name": "job", "job_spec": {"worker_pool_specs": [pool]}, **changes}


def parent(emulator: Project) -> str:
    return f"projects/{emulator.project}/locations/{emulator.location}"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no specification": ({"job_spec": None}, "job_spec is required"),
    "no name": ({"display_name": ""}, "display_name is required"),
    "a label with a capital": ({"labels": {"Team": "a"}}, "Invalid label"),
    "a long name": ({"display_name": "n" * 129}, "128 characters"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_job_that_the_service_refuses_is_refused(emulator: Project, case: str) -> None:
    changes, words = REFUSED[case]
    asked = {name: value for name, value in job(**changes).items() if value is not None}
    with pytest.raises(exceptions.InvalidArgument, match=words):
        jobs(emulator).create_custom_job(parent=parent(emulator), custom_job=asked)
    assert list(jobs(emulator).list_custom_jobs(parent=parent(emulator))) == []


def test_fields_deep_inside_are_required_too(emulator: Project) -> None:
    asked = job()
    del asked["job_spec"]["worker_pool_specs"][0]["container_spec"]["image_uri"]
    with pytest.raises(exceptions.InvalidArgument, match=r"container_spec\.image_uri is required"):
        jobs(emulator).create_custom_job(parent=parent(emulator), custom_job=asked)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("job-1", exceptions.InvalidArgument),
        ("projects/p/nothing", exceptions.InvalidArgument),
        ("projects//locations/l/customJobs/1", exceptions.InvalidArgument),
        ("projects/p/locations/l/customJobs/1", exceptions.NotFound),
    ],
)
def test_malformed_names_are_told_from_unknown_ones(
    emulator: Project, name: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        jobs(emulator).get_custom_job(name=name)


def test_a_job_of_somebody_who_never_heard_of_us_does_its_work(
    emulator: Project, bucket: Any
) -> None:
    made = jobs(emulator).create_custom_job(parent=parent(emulator), custom_job=job())
    assert made.name.startswith(f"projects/123456789012/locations/{emulator.location}/")
    until(lambda: jobs(emulator).get_custom_job(name=made.name).end_time)
    assert jobs(emulator).get_custom_job(name=made.name).state.name == "JOB_STATE_SUCCEEDED"
    assert bucket.blob("told.txt").download_as_text() == made.name.rpartition("/")[2]


def test_what_is_removed_below_the_mount_is_removed_from_the_bucket(
    emulator: Project, bucket: Any
) -> None:
    bucket.blob("old/one").upload_from_string("1")
    script = "import os; os.remove(os.environ['OUT'] + '/one')"
    asked = job(script)
    asked["job_spec"]["worker_pool_specs"][0]["container_spec"]["env"][0]["value"] = (
        "/gcs/plain/old"
    )
    made = jobs(emulator).create_custom_job(parent=parent(emulator), custom_job=asked)
    until(lambda: jobs(emulator).get_custom_job(name=made.name).end_time)
    assert jobs(emulator).get_custom_job(name=made.name).state.name == "JOB_STATE_SUCCEEDED"
    assert not bucket.blob("old/one").exists()


def test_lists_come_in_pages_the_newest_first_and_are_filtered(emulator: Project) -> None:
    for number in range(3):
        asked = job(labels={"number": str(number)})
        jobs(emulator).create_custom_job(parent=parent(emulator), custom_job=asked)
    asked = {"parent": parent(emulator), "page_size": 2}
    pages = [
        [each.labels["number"] for each in page.custom_jobs]
        for page in jobs(emulator).list_custom_jobs(asked).pages
    ]
    assert pages == [["2", "1"], ["0"]]
    told = {"parent": parent(emulator), "filter": 'labels.number="1" AND display_name="job"'}
    assert [each.labels["number"] for each in jobs(emulator).list_custom_jobs(told)] == ["1"]
    with pytest.raises(exceptions.InvalidArgument, match="filter"):
        list(jobs(emulator).list_custom_jobs({**told, "filter": "(a OR b)"}))


def test_a_running_job_cannot_be_deleted_and_a_finished_one_not_cancelled(
    emulator: Project,
) -> None:
    asked = job("import time; time.sleep(600)")
    made = jobs(emulator).create_custom_job(parent=parent(emulator), custom_job=asked)
    with pytest.raises(exceptions.FailedPrecondition):
        jobs(emulator).delete_custom_job(name=made.name)
    jobs(emulator).cancel_custom_job(name=made.name)
    until(lambda: jobs(emulator).get_custom_job(name=made.name).end_time)
    with pytest.raises(exceptions.FailedPrecondition):
        jobs(emulator).cancel_custom_job(name=made.name)
    jobs(emulator).delete_custom_job(name=made.name).result()
    with pytest.raises(exceptions.NotFound):
        jobs(emulator).get_custom_job(name=made.name)


def test_an_operation_may_be_looked_at_by_name_and_an_unknown_one_not(emulator: Project) -> None:
    trusted = grpc.ssl_channel_credentials(emulator.ca_file.read_bytes())
    with grpc.secure_channel(emulator.endpoint.removeprefix("https://"), trusted) as channel:
        operations = operations_pb2_grpc.OperationsStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            operations.GetOperation(
                operations_pb2.GetOperationRequest(name="projects/p/operations/1")
            )
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_call_that_is_not_emulated_fails_and_is_remembered(emulator: Project) -> None:
    boards = account(emulator).client(TensorboardServiceClient)
    with pytest.raises(exceptions.MethodNotImplemented):
        boards.get_tensorboard(name=f"{parent(emulator)}/tensorboards/1")
    assert [each["call"] for each in emulator.unknown()] == ["aiplatform:GetTensorboard"]


def test_what_the_policy_lacks_is_denied_by_every_protocol(emulator: Project, bucket: Any) -> None:
    emulator.pull(
        "policy", key="ya29.weak", actions=["storage.objects.list", "storage.objects.get"]
    )
    weak = account(emulator, "ya29.weak")
    with pytest.raises(exceptions.PermissionDenied, match=r"aiplatform\.customJobs\.list"):
        list(weak.client(JobServiceClient).list_custom_jobs(parent=parent(emulator)))
    store = GcpStore(account=weak)
    with pytest.raises(Denied, match=r"storage\.objects\.create"):
        store.write(f"{store.root}/object", b"1")
    assert list(store.walk(store.root)) == []
    assert "aiplatform.customJobs.list" in emulator.pull("actions", key="ya29.weak")


def test_an_unknown_fault_and_an_unknown_lever_are_refused(emulator: Project) -> None:
    with pytest.raises(ValueError, match="stock-out"):
        emulator.fault("flood")
    with pytest.raises(ValueError, match="no lever"):
        emulator.pull("crowbar")


def test_faults_strike_storage_too(emulator: Project, bucket: Any) -> None:
    emulator.fault("unavailable", call="storage:objects.insert", times=1)
    with pytest.raises(exceptions.ServiceUnavailable):
        bucket.blob("one").upload_from_string("1", if_generation_match=0, retry=None)
    bucket.blob("one").upload_from_string("1", if_generation_match=0, retry=None)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("one").upload_from_string("2", if_generation_match=0, retry=None)


def test_log_entries_are_listed_by_filter_in_the_order_of_their_times(emulator: Project) -> None:
    logs = account(emulator).client(LoggingServiceV2Client)
    log = f"projects/{emulator.project}/logs/mine"
    resource = {"type": "global", "labels": {"project_id": emulator.project}}
    for text in ("one", "two", "three"):
        entries = [{"log_name": log, "resource": resource, "text_payload": text}]
        logs.write_log_entries(entries=entries)
    told = {
        "resource_names": [f"projects/{emulator.project}"],
        "filter": f'logName="{log}" AND textPayload!="two"',
        "order_by": "timestamp desc",
    }
    found = list(logs.list_log_entries(told))
    assert [each.text_payload for each in found] == ["three", "one"]
    since = found[1].timestamp.isoformat()
    later = {**told, "filter": f'logName="{log}" AND timestamp>"{since}"'}
    assert [each.text_payload for each in logs.list_log_entries(later)] == ["three", "two"]


def test_time_passes_as_it_is_told(emulator: Project) -> None:
    before = emulator.pull("now")
    emulator.advance(3600)
    assert emulator.pull("now") - before >= 3600
    assert abs(before - time.time()) < 60
