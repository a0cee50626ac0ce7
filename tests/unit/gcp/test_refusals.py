"""What Vertex AI would refuse is refused to the real SDK, and what it takes is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.longrunning import operations_pb2
from google.oauth2.credentials import Credentials
from pydantic import SecretStr

from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator import launch
from blocks.testing.waiting import until

IMAGE = "us-docker.pkg.dev/p/r/server:1"
KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
Change: TypeAlias = Callable[[Any], object]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcpAccount]:
    folder: Path = tmp_path_factory.mktemp("refusals") / "gcp"
    with launch.project(folder, preloaded=True, grace=1.0) as project:
        yield GcpAccount(
            project=project.project,
            location=project.location,
            access_token=SecretStr("ya29.somebody"),
            endpoint=project.endpoint,
            ca_file=str(project.ca_file),
            storage_endpoint=project.url,
            bucket="plain",
        )


@pytest.fixture
def jobs(account: GcpAccount) -> v1.JobServiceClient:
    return account.client(v1.JobServiceClient)


@pytest.fixture
def endpoints(account: GcpAccount) -> v1.EndpointServiceClient:
    return account.client(v1.EndpointServiceClient)


@pytest.fixture
def models(account: GcpAccount) -> v1.ModelServiceClient:
    return account.client(v1.ModelServiceClient)


def job(change: Change | None = None) -> v1.CustomJob:
    pool = {
        "machine_spec": {"machine_type": "n1-standard-4"},
        "replica_count": 1,
        "container_spec": {"image_uri": IMAGE, "command": ["true"]},
    }
    made = v1.CustomJob(display_name="job", job_spec={"worker_pool_specs": [pool]})
    if change is not None:
        change(made)
    return made


def machine(made: v1.CustomJob, **spec: Any) -> None:
    made.job_spec.worker_pool_specs[0].machine_spec = v1.MachineSpec(**spec)


def schedule(made: v1.CustomJob, **said: Any) -> None:
    made.job_spec.scheduling = v1.Scheduling(**said)


def on_spot(made: v1.CustomJob, **spec: Any) -> None:
    machine(made, **spec)
    schedule(made, strategy=SPOT)


def surrounded(made: v1.CustomJob) -> None:
    made.encryption_spec = {"kms_key_name": KEY}
    made.job_spec.network = "projects/1/global/networks/n"
    made.job_spec.service_account = "jobs@p.iam.gserviceaccount.com"


def pools(made: v1.CustomJob, *others: dict[str, Any]) -> None:
    first = made.job_spec.worker_pool_specs[0]
    made.job_spec.worker_pool_specs = [first, *map(v1.WorkerPoolSpec, others)]


def disk(made: v1.CustomJob, **spec: Any) -> None:
    made.job_spec.worker_pool_specs[0].disk_spec = v1.DiskSpec(**spec)


T4, A100 = v1.AcceleratorType.NVIDIA_TESLA_T4, v1.AcceleratorType.NVIDIA_TESLA_A100
SPOT = v1.Scheduling.Strategy.SPOT
POD = {"machine_type": "ct5lp-hightpu-4t", "tpu_topology": "4x4"}

NO_JOBS: dict[str, Change] = {
    "no machine type": machine,
    "a machine that there is not": lambda made: machine(made, machine_type="n1-banana-4"),
    "another cloud's machine": lambda made: machine(made, machine_type="ml.m5.large"),
    "an accelerator without a count": lambda made: machine(
        made, machine_type="n1-standard-4", accelerator_type=T4
    ),
    "a count without an accelerator": lambda made: machine(
        made, machine_type="n1-standard-4", accelerator_count=1
    ),
    "three of what comes in pairs": lambda made: machine(
        made, machine_type="n1-standard-8", accelerator_type=T4, accelerator_count=3
    ),
    "an accelerator of another series": lambda made: machine(
        made, machine_type="n1-standard-8", accelerator_type=A100, accelerator_count=1
    ),
    "an accelerator on a series that takes none": lambda made: machine(
        made, machine_type="e2-standard-8", accelerator_type=T4, accelerator_count=1
    ),
    "more than are built in": lambda made: machine(
        made, machine_type="a2-highgpu-1g", accelerator_type=A100, accelerator_count=4
    ),
    "a topology without a TPU": lambda made: machine(
        made, machine_type="n1-standard-4", tpu_topology="2x2"
    ),
    "a malformed topology": lambda made: machine(
        made, machine_type="ct5lp-hightpu-4t", tpu_topology="four"
    ),
    "spot for a slice of a TPU Pod": lambda made: on_spot(made, **POD),
    "no replicas": lambda made: setattr(made.job_spec.worker_pool_specs[0], "replica_count", 0),
    "two first replicas": lambda made: setattr(
        made.job_spec.worker_pool_specs[0], "replica_count", 2
    ),
    "a second pool without replicas": lambda made: pools(
        made, {"machine_spec": {"machine_type": "n1-standard-4"}}
    ),
    "a pool without a task": lambda made: pools(
        made, {"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1}
    ),
    "five pools": lambda made: pools(made, {}, {}, {}, {}),
    "a small disk": lambda made: disk(made, boot_disk_size_gb=10),
    "a disk that there is not": lambda made: disk(made, boot_disk_type="floppy"),
    "eight days": lambda made: schedule(made, timeout={"seconds": 8 * 86400}),
    "less than no time": lambda made: schedule(made, timeout={"seconds": -1}),
    "a long name": lambda made: setattr(made, "display_name", "n" * 129),
    "a label with a capital": lambda made: made.labels.update(Team="a"),
    "a label without a key": lambda made: made.labels.update({"": "a"}),
    "65 labels": lambda made: made.labels.update({f"k{each}": "" for each in range(65)}),
    "a network by the project's id": lambda made: setattr(
        made.job_spec, "network", "projects/p/global/networks/n"
    ),
    "an attachment of another region": lambda made: setattr(
        made.job_spec,
        "psc_interface_config",
        {"network_attachment": "projects/p/regions/europe-west4/networkAttachments/a"},
    ),
    "a key of another region": lambda made: setattr(
        made, "encryption_spec", {"kms_key_name": KEY.replace("us-central1", "europe-west4")}
    ),
    "a key that is none": lambda made: setattr(made, "encryption_spec", {"kms_key_name": "k"}),
    "somebody as a service account": lambda made: setattr(
        made.job_spec, "service_account", "me@example.com"
    ),
    "a folder of this machine": lambda made: setattr(
        made.job_spec, "base_output_directory", {"output_uri_prefix": "/tmp/out"}
    ),
}
JOBS: dict[str, Change] = {
    "pools that are skipped": lambda made: pools(made, {}, {}),
    "labels of every language": lambda made: made.labels.update({"größe": "中", "x" * 64: ""}),
    "restarts and spot": lambda made: schedule(
        made, strategy=SPOT, restart_job_on_worker_restart=True, timeout={"seconds": 7 * 86400}
    ),
    "a TPU machine on spot": lambda made: on_spot(
        made, machine_type="ct5lp-hightpu-4t", tpu_topology="2x2"
    ),
    "what is built in": lambda made: machine(
        made, machine_type="a2-highgpu-1g", accelerator_type=A100, accelerator_count=1
    ),
    "surroundings": surrounded,
}


@pytest.mark.parametrize("case", NO_JOBS)
def test_a_job_that_cannot_be_is_refused(
    case: str, account: GcpAccount, jobs: v1.JobServiceClient
) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        jobs.create_custom_job(parent=account.parent, custom_job=job(NO_JOBS[case]))


@pytest.mark.parametrize("case", JOBS)
def test_a_job_that_can_be_is_taken(
    case: str, account: GcpAccount, jobs: v1.JobServiceClient
) -> None:
    made = jobs.create_custom_job(parent=account.parent, custom_job=job(JOBS[case]))
    assert made.state.name == "JOB_STATE_QUEUED"


def test_a_job_goes_through_its_states_at_their_times(
    account: GcpAccount, jobs: v1.JobServiceClient
) -> None:
    made = jobs.create_custom_job(parent=account.parent, custom_job=job())
    assert made.state.name == "JOB_STATE_QUEUED"
    assert made.create_time == made.update_time
    assert "start_time" not in made
    until(lambda: jobs.get_custom_job(name=made.name).end_time)
    over = jobs.get_custom_job(name=made.name)
    assert over.state.name == "JOB_STATE_SUCCEEDED"
    assert made.create_time <= over.start_time <= over.end_time == over.update_time
    assert not over.error.code


def test_lists_are_narrowed_ordered_and_masked_as_they_say(
    account: GcpAccount, jobs: v1.JobServiceClient
) -> None:
    for name in ("list-a", "list-b", "other"):
        made = job()
        made.display_name = name
        jobs.create_custom_job(parent=account.parent, custom_job=made)

    def names(**asked: Any) -> list[str]:
        found = jobs.list_custom_jobs({"parent": account.parent, **asked})
        return [each.display_name for each in found]

    assert names(filter='display_name:"list-*"') == ["list-b", "list-a"]
    either = 'display_name="list-a" OR display_name="other"'
    assert names(filter=either) == ["other", "list-a"]
    assert names(filter=f'({either}) AND NOT display_name="other"') == ["list-a"]
    mask = {"paths": ["display_name", "job_spec.scheduling"]}
    [masked] = jobs.list_custom_jobs(
        {"parent": account.parent, "filter": 'display_name="other"', "read_mask": mask}
    )
    assert (masked.display_name, masked.name) == ("other", "")
    for asked in (
        {"page_size": -1},
        {"page_token": "next-please"},
        {"filter": "display_name"},
        {"filter": '(display_name="a"'},
        {"filter": 'colour="red"'},
        {"read_mask": {"paths": ["display_name", "colour"]}},
    ):
        with pytest.raises(exceptions.InvalidArgument):
            names(**asked)
    with pytest.raises(exceptions.NotFound):
        names(parent=account.parent.replace("us-central1", "europe-west4"))
    with pytest.raises(exceptions.PermissionDenied):
        names(parent="projects/of-another/locations/us-central1")


def test_names_of_another_kind_of_thing_are_malformed(
    account: GcpAccount, jobs: v1.JobServiceClient, endpoints: v1.EndpointServiceClient
) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        jobs.get_custom_job(name=f"{account.parent}/endpoints/1")
    with pytest.raises(exceptions.InvalidArgument):
        endpoints.delete_endpoint(name=f"{account.parent}/models/1")
    with pytest.raises(exceptions.NotFound):
        jobs.cancel_custom_job(name=f"{account.parent}/customJobs/1")


@pytest.fixture(scope="module")
def model(account: GcpAccount) -> str:
    """A model that is uploaded, without a file."""
    asked = {"display_name": "served", "container_spec": {"image_uri": IMAGE}}
    done = account.client(v1.ModelServiceClient).upload_model(parent=account.parent, model=asked)
    return str(done.result().model)


@pytest.fixture(scope="module")
def endpoint(account: GcpAccount) -> str:
    asked = {"display_name": "endpoint"}
    client = account.client(v1.EndpointServiceClient)
    return str(client.create_endpoint(parent=account.parent, endpoint=asked).result().name)


NO_ENDPOINTS: dict[str, dict[str, Any]] = {
    "no name": {"display_name": ""},
    "a long name": {"display_name": "n" * 129},
    "a split among nobody": {"traffic_split": {"1": 100}},
    "a network and a private address": {
        "network": "projects/1/global/networks/n",
        "private_service_connect_config": {"enable_private_service_connect": True},
    },
    "logging of nothing": {
        "predict_request_response_logging_config": {
            "enabled": True,
            "sampling_rate": 0.0,
            "bigquery_destination": {"output_uri": "bq://project-1"},
        }
    },
    "logging to nowhere": {
        "predict_request_response_logging_config": {
            "enabled": True,
            "sampling_rate": 1.0,
            "bigquery_destination": {"output_uri": "gs://bucket"},
        }
    },
}


@pytest.mark.parametrize("case", NO_ENDPOINTS)
def test_an_endpoint_that_cannot_be_is_refused(
    case: str, account: GcpAccount, endpoints: v1.EndpointServiceClient
) -> None:
    asked = {"display_name": "e", **NO_ENDPOINTS[case]}
    with pytest.raises(exceptions.InvalidArgument):
        endpoints.create_endpoint(parent=account.parent, endpoint=asked)


@pytest.mark.parametrize("id_", ["Capital", "ends-", "012", "1234567890", "x" * 64, "a_b"])
def test_an_id_that_no_endpoint_has_is_refused(
    id_: str, account: GcpAccount, endpoints: v1.EndpointServiceClient
) -> None:
    asked = {"parent": account.parent, "endpoint_id": id_, "endpoint": {"display_name": "e"}}
    with pytest.raises(exceptions.InvalidArgument):
        endpoints.create_endpoint(asked)


CPU = "aiplatform.googleapis.com/prediction/online/cpu/utilization"
ONE = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
NO_DEPLOYMENTS: dict[str, dict[str, Any]] = {
    "no resources": {"dedicated_resources": None},
    "resources of AutoML": {
        "dedicated_resources": None,
        "automatic_resources": {"min_replica_count": 1},
    },
    "no replicas": {"dedicated_resources": {**ONE, "min_replica_count": 0}},
    "bounds that cross": {
        "dedicated_resources": {**ONE, "min_replica_count": 3, "max_replica_count": 2}
    },
    "a machine that there is not": {
        "dedicated_resources": {**ONE, "machine_spec": {"machine_type": "huge"}}
    },
    "a metric that there is not": {
        "dedicated_resources": {**ONE, "autoscaling_metric_specs": [{"metric_name": "luck"}]}
    },
    "a metric twice": {
        "dedicated_resources": {
            **ONE,
            "autoscaling_metric_specs": [{"metric_name": CPU}, {"metric_name": CPU}],
        }
    },
    "more than all of a processor": {
        "dedicated_resources": {
            **ONE,
            "autoscaling_metric_specs": [{"metric_name": CPU, "target": 101}],
        }
    },
    "spot for a slice of a TPU Pod": {
        "dedicated_resources": {**ONE, "machine_spec": POD, "spot": True}
    },
    "letters in its id": {"id": "blue"},
}


@pytest.mark.parametrize("case", NO_DEPLOYMENTS)
def test_what_cannot_be_deployed_is_refused(
    case: str, endpoints: v1.EndpointServiceClient, endpoint: str, model: str
) -> None:
    asked = {"model": model, "dedicated_resources": ONE, **NO_DEPLOYMENTS[case]}
    given = {name: value for name, value in asked.items() if value is not None}
    with pytest.raises(exceptions.InvalidArgument):
        endpoints.deploy_model(endpoint=endpoint, deployed_model=given)
    assert not endpoints.get_endpoint(name=endpoint).deployed_models


def test_traffic_goes_to_models_of_the_endpoint_and_adds_up(
    account: GcpAccount,
    endpoints: v1.EndpointServiceClient,
    models: v1.ModelServiceClient,
    endpoint: str,
    model: str,
) -> None:
    """From the first deployment, on the usual machine, to an endpoint that can be deleted."""
    plain = {"model": model, "dedicated_resources": {"machine_spec": {}, "min_replica_count": 1}}
    blue = {**plain, "id": "1"}
    for split in ({"0": 99}, {"0": 50, "7": 50}, {"0": 150, "1": -50}):
        with pytest.raises(exceptions.InvalidArgument):
            endpoints.deploy_model(endpoint=endpoint, deployed_model=blue, traffic_split=split)
    begun = endpoints.deploy_model(endpoint=endpoint, deployed_model=blue, traffic_split={"0": 100})
    with pytest.raises(exceptions.FailedPrecondition):  # one change at a time
        endpoints.delete_endpoint(name=endpoint)
    assert begun.result().deployed_model.display_name == "served"
    assert type(begun.metadata).__name__ == "DeployModelOperationMetadata"
    times = begun.metadata.generic_metadata
    assert times.create_time <= times.update_time
    with pytest.raises(exceptions.AlreadyExists):
        endpoints.deploy_model(endpoint=endpoint, deployed_model=blue)
    endpoints.deploy_model(endpoint=endpoint, deployed_model={**plain, "id": "2"}).result()
    there = endpoints.get_endpoint(name=endpoint)
    assert dict(there.traffic_split) == {"1": 100}
    assert {each.dedicated_resources.machine_spec.machine_type for each in there.deployed_models}

    def update(paths: list[str], **changes: Any) -> v1.Endpoint:
        asked = v1.Endpoint(name=endpoint, **changes)
        return endpoints.update_endpoint(endpoint=asked, update_mask={"paths": paths})

    for split in ({"1": 60, "2": 60}, {"1": 50, "3": 50}):
        with pytest.raises(exceptions.InvalidArgument):
            update(["traffic_split"], display_name="e", traffic_split=split)
    for paths in ([], ["colour"], ["etag"], ["deployed_models"], ["display_name.colour"]):
        with pytest.raises(exceptions.InvalidArgument):
            update(paths, display_name="e")
    with pytest.raises(exceptions.Aborted):
        update(["display_name"], display_name="e", etag="of-before")
    assert update(["description"], display_name="not this", description="d").display_name == (
        "endpoint"
    )
    with pytest.raises(exceptions.FailedPrecondition):
        endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="1")
    with pytest.raises(exceptions.NotFound):
        endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="9")
    with pytest.raises(exceptions.FailedPrecondition):
        endpoints.delete_endpoint(name=endpoint)
    with pytest.raises(exceptions.FailedPrecondition):
        models.delete_model(name=model)
    moved = {"1": 0, "2": 100}  # what is taken down may be named, without a share
    endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="1", traffic_split=moved).result()
    assert dict(endpoints.get_endpoint(name=endpoint).traffic_split) == {"2": 100}
    endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="2").result()
    assert dict(endpoints.get_endpoint(name=endpoint).traffic_split) == {}
    asking = account.client(v1.PredictionServiceClient)
    with pytest.raises(exceptions.FailedPrecondition):
        asking.predict(endpoint=endpoint, instances=[{"x": 1.0}])
    endpoints.delete_endpoint(name=endpoint).result()
    with pytest.raises(exceptions.NotFound):
        endpoints.get_endpoint(name=endpoint)


NO_MODELS: dict[str, dict[str, Any]] = {
    "no name": {"display_name": ""},
    "no image": {"container_spec": {"image_uri": ""}},
    "an image of another registry": {"container_spec": {"image_uri": "docker.io/library/python"}},
    "a route without a slash": {"container_spec": {"image_uri": IMAGE, "predict_route": "p"}},
    "an artifact of another cloud": {"artifact_uri": "s3://bucket/model"},
    "an artifact that is not there": {"artifact_uri": "gs://bucket/model"},
    "an alias that is a number": {"version_aliases": ["7"]},
    "a key of another region": {
        "encryption_spec": {"kms_key_name": KEY.replace("us-central1", "us")}
    },
}


@pytest.mark.parametrize("case", NO_MODELS)
def test_a_model_that_cannot_be_is_refused(
    case: str, account: GcpAccount, models: v1.ModelServiceClient
) -> None:
    asked = {"display_name": "m", "container_spec": {"image_uri": IMAGE}, **NO_MODELS[case]}
    with pytest.raises(exceptions.InvalidArgument):
        models.upload_model(parent=account.parent, model=asked)


def test_versions_and_their_aliases_are_one_anothers(
    account: GcpAccount, models: v1.ModelServiceClient
) -> None:
    def upload(**changes: Any) -> Any:
        asked = {"display_name": "m", "container_spec": {"image_uri": IMAGE}}
        return models.upload_model({"parent": account.parent, "model": asked, **changes})

    for id_ in ("7up", "-x", "Capital", "x" * 64):
        with pytest.raises(exceptions.InvalidArgument):
            upload(model_id=id_)
    begun = upload(model_id="mine")
    name = begun.result().model
    assert type(begun.metadata).__name__ == "UploadModelOperationMetadata"
    with pytest.raises(exceptions.AlreadyExists):
        upload(model_id="mine")
    with pytest.raises(exceptions.NotFound):
        upload(parent_model=f"{account.parent}/models/nobodys")
    assert upload(parent_model=name).result().model_version_id == "2"
    for at, aliases in ((name, ["a-1"]), (f"{name}@2", ["1"]), (f"{name}@1", ["-default"])):
        with pytest.raises(exceptions.InvalidArgument):
            models.merge_version_aliases(name=at, version_aliases=aliases)
    with pytest.raises(exceptions.FailedPrecondition):
        models.delete_model_version(name=f"{name}@1")
    with pytest.raises(exceptions.NotFound):
        models.get_model(name=f"{name}@champion")
    ordered = models.list_models(
        {"parent": account.parent, "order_by": "display_name, create_time"}
    )
    assert [each.display_name for each in ordered] == sorted(each.display_name for each in ordered)
    with pytest.raises(exceptions.InvalidArgument):
        models.list_models({"parent": account.parent, "order_by": "colour"})
    changed = v1.Model(name=name, display_name="m", etag="of-before")
    with pytest.raises(exceptions.Aborted):
        models.update_model(model=changed, update_mask={"paths": ["description"]})
    with pytest.raises(exceptions.InvalidArgument):
        models.update_model(model=v1.Model(name=name), update_mask={"paths": ["container_spec"]})
    models.delete_model(name=name).result()


def test_an_operation_that_nobody_began_is_not_found_by_any_call(
    account: GcpAccount, jobs: v1.JobServiceClient
) -> None:
    name = f"{account.parent}/endpoints/1/operations/1"
    kinds: list[tuple[Any, Any]] = [
        (jobs.get_operation, operations_pb2.GetOperationRequest),
        (jobs.wait_operation, operations_pb2.WaitOperationRequest),
        (jobs.cancel_operation, operations_pb2.CancelOperationRequest),
        (jobs.delete_operation, operations_pb2.DeleteOperationRequest),
    ]
    for call, kind in kinds:
        with pytest.raises(exceptions.NotFound):
            call(kind(name=name))
    over = jobs.create_custom_job(parent=account.parent, custom_job=job())
    until(lambda: jobs.get_custom_job(name=over.name).end_time)
    done = jobs.delete_custom_job(name=over.name).operation
    jobs.cancel_operation(operations_pb2.CancelOperationRequest(name=done.name))  # too late: fine
    listed = operations_pb2.ListOperationsRequest(name=over.name, filter="done=true")
    assert [each.name for each in jobs.list_operations(listed).operations] == [done.name]


NO_STUDIES: dict[str, dict[str, Any]] = {
    "no trials": {"max_trial_count": 0},
    "more at a time than in all": {"max_trial_count": 1, "parallel_trial_count": 2},
    "two metrics": {"metrics": [{"metric_id": "a", "goal": 1}, {"metric_id": "b", "goal": 1}]},
    "the end before the beginning": {"range": {"min_value": 2, "max_value": 1}},
}


@pytest.mark.parametrize("case", NO_STUDIES)
def test_a_study_that_cannot_be_is_refused(
    case: str, account: GcpAccount, jobs: v1.JobServiceClient
) -> None:
    change = dict(NO_STUDIES[case])
    rate = {
        "parameter_id": "rate",
        "double_value_spec": change.pop("range", {"min_value": 1, "max_value": 2}),
    }
    metrics = change.pop("metrics", [{"metric_id": "a", "goal": 1}])
    asked = {
        "display_name": "study",
        "study_spec": {"metrics": metrics, "parameters": [rate]},
        "max_trial_count": 2,
        "parallel_trial_count": 1,
        "trial_job_spec": job().job_spec,
        **change,
    }
    with pytest.raises(exceptions.InvalidArgument):
        jobs.create_hyperparameter_tuning_job(
            parent=account.parent, hyperparameter_tuning_job=asked
        )


def test_secrets_have_names_values_and_versions_that_can_be(account: GcpAccount) -> None:
    secrets, parent = account.client(SecretManagerServiceClient), f"projects/{account.project}"
    wanted: dict[str, Any] = {"replication": {"automatic": {}}}
    for id_, secret in (("with space", wanted), ("s", {}), ("", wanted)):
        with pytest.raises(exceptions.InvalidArgument):
            secrets.create_secret(parent=parent, secret_id=id_, secret=secret)
    made = secrets.create_secret(parent=parent, secret_id="s", secret=wanted)
    with pytest.raises(exceptions.AlreadyExists):
        secrets.create_secret(parent=parent, secret_id="s", secret=wanted)
    for payload in ({"data": b""}, {"data": b"x" * 65537}, {"data": b"x", "data_crc32c": 1}):
        with pytest.raises(exceptions.InvalidArgument):
            secrets.add_secret_version(parent=made.name, payload=payload)
    with pytest.raises(exceptions.InvalidArgument):
        secrets.access_secret_version(name=f"{made.name}/versions/newest")
    with pytest.raises(exceptions.NotFound):
        secrets.access_secret_version(name=f"{made.name}/versions/1")


def test_buckets_keep_to_their_preconditions(account: GcpAccount) -> None:
    client = storage.Client(
        project=account.project,
        credentials=Credentials("ya29.somebody"),
        client_options={"api_endpoint": account.storage_endpoint},
    )
    bucket = client.create_bucket("kept")
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("kept")
    blob = bucket.blob("one")
    blob.upload_from_string("1")
    for generation in (0, 1):
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("one").upload_from_string("2", if_generation_match=generation)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=1)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("two").download_as_bytes()
    with pytest.raises(exceptions.NotFound):
        client.bucket("nobodys").blob("one").upload_from_string("1")
