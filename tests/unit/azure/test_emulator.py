"""The emulated subscription says no as Azure does, to the SDK's own clients."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from azure.ai.ml.entities import Model
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, ContainerClient
from pydantic import SecretStr

from blocks.contracts import ObjectStore, RunKey, TrainingJobs
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import code_of
from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.emulator import launch, schema
from blocks.providers.azure.emulator.job import seconds
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.secret import vault
from blocks.providers.azure.training_calls import Options, to_command
from blocks.testing.waiting import NEVER
from blocks.testing.worlds import NotEmulated

KEY = RunKey(run="run-1", step="train")
OPTIONS = Options(image="", cluster="", experiment="bluewater")


@pytest.fixture
def container(account: AzureAccount) -> ContainerClient:
    return account.blobs().get_container_client(launch.CONTAINER)


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(HttpResponseError) as caught:
        call()
    return int(caught.value.status_code or 0), code_of(caught.value)


def test_blobs_are_refused_as_by_blob_storage(container: ContainerClient) -> None:
    blob: BlobClient = container.get_blob_client("there")
    told = blob.upload_blob(b"content")
    other = {"etag": '"0x0"', "match_condition": MatchConditions.IfNotModified}
    elsewhere = container.get_blob_client("elsewhere")
    assert refusal(lambda: blob.upload_blob(b"again")) == (409, "BlobAlreadyExists")
    assert refusal(lambda: blob.upload_blob(b"x", overwrite=True, **other)) == (
        412,
        "ConditionNotMet",
    )
    assert refusal(lambda: elsewhere.download_blob().readall()) == (404, "BlobNotFound")
    assert refusal(elsewhere.delete_blob) == (404, "BlobNotFound")
    assert refusal(container.create_container) == (409, "ContainerAlreadyExists")
    assert refusal(
        lambda: elsewhere.start_copy_from_url(
            blob.url, source_etag='"0x0"', source_match_condition=MatchConditions.IfNotModified
        )
    ) == (412, "SourceConditionNotMet")
    assert refusal(lambda: elsewhere.upload_blob(b"x", metadata={"a-dash": "x"})) == (
        400,
        "InvalidMetadata",
    )
    assert blob.get_blob_properties().etag == told["etag"]


def test_a_container_that_is_not_there_is_told(account: AzureAccount) -> None:
    blob = account.blobs().get_blob_client("nowhere", "blob")
    assert refusal(lambda: blob.upload_blob(b"x")) == (404, "ContainerNotFound")


def test_secrets_are_refused_as_by_key_vault(account: AzureAccount) -> None:
    client = vault(account)
    assert refusal(lambda: client.get_secret("not-there")) == (404, "SecretNotFound")
    assert refusal(lambda: client.get_secret("no_name")) == (400, "BadParameter")
    assert refusal(lambda: client.set_secret("empty", "")) == (400, "BadParameter")


def test_nobody_is_served_without_a_token_of_this_world(
    account: AzureAccount, emulator: Subscription
) -> None:
    url = f"{emulator.url}/{launch.STORAGE}/{launch.CONTAINER}/blob"
    assert httpx.get(url, verify=account.ca_file, timeout=NEVER).status_code == 401
    forged = {"Authorization": "Bearer e30.e30.c2ln"}
    assert httpx.get(url, headers=forged, verify=account.ca_file, timeout=NEVER).status_code == 401
    assert httpx.get(f"{url}?sig=guessed", verify=account.ca_file, timeout=NEVER).status_code == 403


def test_a_connection_goes_on_after_whatever_was_asked(
    account: AzureAccount, emulator: Subscription
) -> None:
    """Shaking hands costs more than most calls; clients of the SDK keep their connections."""
    place = urlsplit(emulator.url)
    trust = ssl.create_default_context(cafile=account.ca_file)
    connection = HTTPSConnection(str(place.hostname), place.port, context=trust, timeout=NEVER)
    connection.connect()
    kept = connection.sock
    blob = f"/{launch.STORAGE}/{launch.CONTAINER}/blob"
    for method, path, body, status in (
        ("POST", "/_emulator/nothing", b"nobody reads this", 401),
        ("PUT", blob, iter([b"in", b"chunks"]), 401),
        ("HEAD", blob, None, 401),
        ("GET", "/discovery", None, 200),
    ):
        connection.request(method, path, body=body, encode_chunked=not isinstance(body, bytes))
        reply = connection.getresponse()
        reply.read()
        assert (method, reply.status) == (method, status)
        assert connection.sock is kept
    connection.close()


def test_what_is_not_emulated_is_an_error_and_fails_whoever_tests(tmp_path: Path) -> None:
    with pytest.raises(NotEmulated, match="components"), AzureBench(tmp_path) as bench:
        components = bench.account.ml().components
        assert refusal(lambda: components.get("none", "1"))[0] == 501
        assert [each["status"] for each in bench.emulator.unknown()] == [501]


def test_a_role_allows_what_it_names_and_nothing_else(
    bench: Any, account: AzureAccount, emulator: Subscription
) -> None:
    allowed = ["Microsoft.MachineLearningServices/workspaces/jobs/read"]
    other = account.model_copy(update={"client_id": "reader", "client_secret": SecretStr("word")})
    other.__dict__.pop("credential", None)
    other.__dict__.pop("_clients", None)
    emulator.pull("policy", key="reader", actions=allowed)
    assert list(other.ml().jobs.list()) == []
    assert refusal(lambda: other.ml().jobs.begin_cancel("job", polling=False)) == (
        403,
        "AuthorizationFailed",
    )
    store = bench.connect(ObjectStore)
    blob = other.blobs().get_blob_client(launch.CONTAINER, "blob")
    assert refusal(blob.get_blob_properties)[0] == 403
    assert list(store.walk(store.root)) == []


def command(bench: Any, **changes: Any) -> Any:
    request = bench.training_request()
    job = to_command(request, "0" * 32, account=bench.account, options=OPTIONS)
    for name, value in changes.items():
        setattr(job, name, value)
    return job


def test_a_job_is_made_once_and_told_anew(bench: Any, account: AzureAccount) -> None:
    jobs = account.ml().jobs
    jobs.create_or_update(command(bench))
    assert jobs.create_or_update(command(bench, tags={"a": "b"})).tags == {"a": "b"}
    changed = command(bench, experiment_name="another")
    assert refusal(lambda: jobs.create_or_update(changed)) == (400, "UserError")
    assert len(list(jobs.list())) == 1


def test_several_machines_need_a_distribution(bench: Any, account: AzureAccount) -> None:
    job = command(bench)
    job.resources.instance_count = 2
    assert refusal(lambda: account.ml().jobs.create_or_update(job)) == (400, "ValidationError")


def test_what_is_over_cannot_be_cancelled(bench: Any, account: AzureAccount) -> None:
    bench.succeed(ref := bench.connect(TrainingJobs).submit(bench.training_request(), key=KEY))
    cancel = account.ml().jobs.begin_cancel
    assert refusal(lambda: cancel(ref.id, polling=False)) == (400, "UserError")
    assert refusal(lambda: cancel("none", polling=False)) == (404, "NotFound")


def test_a_models_path_never_changes_and_long_lists_come_in_pages(account: AzureAccount) -> None:
    models = account.ml().models
    path = "azureml://datastores/workspaceblobstore/paths/model"
    for number in range(1, 33):
        models.create_or_update(
            Model(name="many", version=str(number), path=path, type="custom_model")
        )
    assert [each.version for each in models.list(name="many")] == [
        str(number) for number in range(32, 0, -1)
    ]
    moved = Model(name="many", version="1", path=f"{path}-2", type="custom_model")
    assert refusal(lambda: models.create_or_update(moved)) == (409, "UserError")
    assert refusal(lambda: models.get("many", "99")) == (404, "ModelNotFound")


JOB: dict[str, Any] = {
    "properties": {
        "jobType": "Command",
        "command": "python train.py",
        "environmentId": "/environments/trainer/versions/1",
        "limits": {"jobLimitsType": "Command", "timeout": "PT1H"},
        "resources": {"instanceCount": 1, "instanceType": "Standard_D4s_v3"},
        "inputs": {
            "data": {"jobInputType": "uri_folder", "uri": "azureml://x", "mode": "Download"}
        },
        "tags": {"a": "b"},
    }
}


def broken(path: str, value: Any) -> dict[str, Any]:
    """Return the body with one place changed, or taken out for None."""

    def changed(node: dict[str, Any], parts: list[str]) -> dict[str, Any]:
        name, *rest = parts
        if rest:
            return {**node, name: changed(node.get(name, {}), rest)}
        left = {key: each for key, each in node.items() if key != name}
        return left if value is None else {**left, name: value}

    return changed(JOB, path.split("/"))


def test_a_good_body_passes() -> None:
    schema.check_request("JobBase", JOB)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties", None),
        ("properties/jobType", "Dance"),
        ("properties/command", None),
        ("properties/command", 7),
        ("properties/comand", "python train.py"),
        ("properties/limits/timeout", "30 minutes"),
        ("properties/limits/jobLimitsType", "Dance"),
        ("properties/resources/instanceCount", "one"),
        ("properties/resources/instanceCount", True),
        ("properties/inputs/data/jobInputType", "uri_folders"),
        ("properties/inputs/data/mode", "Teleport"),
        ("properties/inputs", ["data"]),
        ("properties/tags", {"a": 1}),
        ("properties/queueSettings", {"jobTier": "Cheap"}),
    ],
)
def test_one_wrong_place_is_enough_to_be_refused(path: str, value: Any) -> None:
    with pytest.raises(AzureError) as caught:
        schema.check_request("JobBase", broken(path, value))
    assert caught.value.code == "ValidationError"
    assert path.rpartition("/")[2] in caught.value.message


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("PT1S", 1.0), ("PT1H30M", 5400.0), ("P7D", 604800.0), ("P1DT0.5S", 86400.5)],
)
def test_durations_are_read_as_the_sdk_writes_them(text: str, wanted: float) -> None:
    assert seconds(text) == wanted
