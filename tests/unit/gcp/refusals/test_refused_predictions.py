"""Which batch prediction jobs Vertex AI takes, through the real SDK, and what it makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.cloud.aiplatform_v1.types import BatchPredictionJob

from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.gcs import Objects
from blocks.testing.waiting import until
from tests.unit.gcp.refusals.asked import IMAGE

MACHINE = {"machine_spec": {"machine_type": "n1-standard-2"}, "starting_replica_count": 2}
SERVED: dict[str, Any] = {"container_spec": {"image_uri": IMAGE}}
ANSWERS_NOBODY = {"command": ["python", "-c", "raise SystemExit(3)"], "image_uri": IMAGE}


@pytest.fixture(scope="module")
def place(account: GcpAccount) -> str:
    account.storage.create_bucket("predictions")
    lines = "".join(f"{json.dumps({'x': each})}\n" for each in range(5))
    Objects(account.storage).write("gs://predictions/in.jsonl", lines.encode())
    return "gs://predictions"


def asked(place: str, **changes: Any) -> BatchPredictionJob:
    told = {
        "display_name": "job",
        "unmanaged_container_model": SERVED,
        "input_config": {
            "instances_format": "jsonl",
            "gcs_source": {"uris": [f"{place}/in.jsonl"]},
        },
        "output_config": {
            "predictions_format": "jsonl",
            "gcs_destination": {"output_uri_prefix": f"{place}/out"},
        },
        "dedicated_resources": MACHINE,
        "manual_batch_tuning_parameters": {"batch_size": 2},
    }
    return BatchPredictionJob({**told, **changes})


def over(jobs: v1.JobServiceClient, made: BatchPredictionJob) -> BatchPredictionJob:
    until(lambda: jobs.get_batch_prediction_job(name=made.name).end_time)
    return jobs.get_batch_prediction_job(name=made.name)


NO_JOBS: dict[str, dict[str, Any]] = {
    "no name": {"display_name": ""},
    "a model of two kinds": {"model": "projects/p/locations/us-central1/models/1"},
    "no model": {"unmanaged_container_model": None},
    "an image of nobody": {"unmanaged_container_model": {"container_spec": {"image_uri": "x"}}},
    "no machine": {"dedicated_resources": None},
    "another cloud's machine": {
        "dedicated_resources": {"machine_spec": {"machine_type": "ml.m5.large"}}
    },
    "fewer at most than at first": {
        "dedicated_resources": {**MACHINE, "max_replica_count": 1},
    },
    "Parquet": {
        "input_config": {"instances_format": "parquet", "gcs_source": {"uris": ["gs://b/x"]}}
    },
    "no input": {"input_config": {"instances_format": "jsonl"}},
    "no output": {"output_config": {"predictions_format": "jsonl"}},
    "a batch of less than nothing": {"manual_batch_tuning_parameters": {"batch_size": -1}},
}


@pytest.mark.parametrize("name", NO_JOBS)
def test_a_job_that_cannot_be_is_refused(
    jobs: v1.JobServiceClient, account: GcpAccount, place: str, name: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        jobs.create_batch_prediction_job(
            parent=account.parent, batch_prediction_job=asked(place, **NO_JOBS[name])
        )


def test_instances_are_shared_out_in_batches_and_every_one_gets_its_prediction(
    jobs: v1.JobServiceClient, account: GcpAccount, place: str
) -> None:
    made = jobs.create_batch_prediction_job(
        parent=account.parent, batch_prediction_job=asked(place)
    )
    done = over(jobs, made)
    assert done.state == v1.JobState.JOB_STATE_SUCCEEDED, done.error
    assert done.completion_stats.successful_count == 5
    assert done.resources_consumed.replica_hours > 0
    objects, folder = Objects(account.storage), done.output_info.gcs_output_directory
    files = [each.uri for each in objects.below(folder) if "results" in each.name]
    assert [uri.rpartition("/")[2] for uri in files] == [
        f"prediction.results-0000{number}-of-00002" for number in (0, 1)
    ]
    lines = b"".join((objects.read(uri) or (b"", ""))[0] for uri in files).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"instance": {"x": each}, "prediction": 0.0} for each in range(5)
    ]
    with pytest.raises(exceptions.FailedPrecondition):
        jobs.cancel_batch_prediction_job(name=made.name)
    jobs.delete_batch_prediction_job(name=made.name).result()
    assert list(jobs.list_batch_prediction_jobs(parent=account.parent)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"unmanaged_container_model": {"container_spec": ANSWERS_NOBODY}},
            "Model server terminated",
        ),
        (
            {
                "input_config": {
                    "instances_format": "jsonl",
                    "gcs_source": {"uris": ["gs://predictions/not-there"]},
                }
            },
            "not-there",
        ),
    ],
)
def test_what_goes_wrong_later_is_the_jobs_error(
    jobs: v1.JobServiceClient, account: GcpAccount, place: str, change: dict[str, Any], says: str
) -> None:
    job = asked(place, **change)
    made = jobs.create_batch_prediction_job(parent=account.parent, batch_prediction_job=job)
    done = over(jobs, made)
    assert done.state == v1.JobState.JOB_STATE_FAILED
    assert says in done.error.message
    jobs.delete_batch_prediction_job(name=made.name).result()
