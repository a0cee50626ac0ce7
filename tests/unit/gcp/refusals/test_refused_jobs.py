"""Which jobs and studies Vertex AI takes, through the real SDK, and how it tells of them."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2

from blocks.providers.gcp.account import GcpAccount
from blocks.testing.waiting import until
from tests.unit.gcp.refusals.asked import (
    A100,
    KEY,
    POD,
    SPOT,
    T4,
    Change,
    disk,
    job,
    machine,
    on_spot,
    pools,
    schedule,
    surrounded,
)

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
