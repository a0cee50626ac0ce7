"""The steps of Google's public samples with the generated clients of google-cloud-aiplatform.

Nothing of ours is imported. Where everything is comes from the command line and the environment, as
a sample's reader would set it: only the address is not Google's.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from google.cloud import aiplatform
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value

gapic = aiplatform.gapic
PATIENCE = 300  # seconds


def create_custom_job(client: Any, parent: str) -> Any:
    """Ask for a container on a machine with an accelerator."""
    custom_job = {
        "display_name": "trained",
        "job_spec": {
            "worker_pool_specs": [
                {
                    "machine_spec": {
                        "machine_type": "n1-standard-4",
                        "accelerator_type": gapic.AcceleratorType.NVIDIA_TESLA_T4,
                        "accelerator_count": 1,
                    },
                    "replica_count": 1,
                    "container_spec": {
                        "image_uri": "gcr.io/p/trainer",
                        "command": [],
                        "args": [],
                    },
                }
            ]
        },
    }
    return client.create_custom_job(parent=parent, custom_job=custom_job)


def create_hyperparameter_tuning_job(client: Any, parent: str, trial: Any) -> Any:
    """Ask for a search over a grid, and think better of it."""
    study = {
        "metrics": [
            {"metric_id": "loss", "goal": gapic.StudySpec.MetricSpec.GoalType.MINIMIZE},
        ],
        "parameters": [{"parameter_id": "rate", "discrete_value_spec": {"values": [0.01, 0.1]}}],
        "algorithm": gapic.StudySpec.Algorithm.GRID_SEARCH,
    }
    asked = {
        "display_name": "searched",
        "max_trial_count": 2,
        "parallel_trial_count": 1,
        "study_spec": study,
        "trial_job_spec": trial,
    }
    made = client.create_hyperparameter_tuning_job(parent=parent, hyperparameter_tuning_job=asked)
    client.cancel_hyperparameter_tuning_job(name=made.name)
    return made


def upload_model(client: Any, parent: str) -> str:
    """Put a model into the registry."""
    container = {
        "image_uri": "gcr.io/p/server",
        "command": [],
        "args": [],
        "env": [],
        "ports": [],
        "predict_route": "",
        "health_route": "",
    }
    model = {"display_name": "model", "metadata_schema_uri": "", "container_spec": container}
    return str(client.upload_model(parent=parent, model=model).result(timeout=PATIENCE).model)


def create_endpoint(client: Any, parent: str) -> str:
    """Make an endpoint."""
    begun = client.create_endpoint(parent=parent, endpoint={"display_name": "endpoint"})
    return str(begun.result(timeout=PATIENCE).name)


def deploy_model(client: Any, endpoint: str, model: str, split: dict[str, int]) -> str:
    """Deploy a model with a split, in which 0 stands for what is being deployed."""
    deployed_model = {
        "model": model,
        "display_name": "deployed",
        "dedicated_resources": {
            "min_replica_count": 1,
            "machine_spec": {"machine_type": "n1-standard-2"},
        },
    }
    begun = client.deploy_model(
        endpoint=endpoint, deployed_model=deployed_model, traffic_split=split
    )
    return str(begun.result(timeout=PATIENCE).deployed_model.id)


def predict(client: Any, endpoint: str, instances: list[dict[str, float]]) -> Any:
    """Ask for predictions."""
    asked = [json_format.ParseDict(each, Value()) for each in instances]
    parameters = json_format.ParseDict({}, Value())
    return client.predict(endpoint=endpoint, instances=asked, parameters=parameters)


def until_over(look: Any, name: str) -> str:
    """Look at a job until it has an end."""
    while not (found := look(name=name)).end_time:
        time.sleep(0.1)
    return str(found.state.name)


def main(project: str, location: str, address: str) -> None:
    """Train, search, upload, deploy two, ask them, undeploy, and take all down."""
    options = {"api_endpoint": address}
    parent = f"projects/{project}/locations/{location}"
    jobs = gapic.JobServiceClient(client_options=options)
    models = gapic.ModelServiceClient(client_options=options)
    endpoints = gapic.EndpointServiceClient(client_options=options)
    asking = gapic.PredictionServiceClient(client_options=options)
    job = create_custom_job(jobs, parent)
    search = create_hyperparameter_tuning_job(jobs, parent, job.job_spec)
    told: dict[str, object] = {
        "job": until_over(jobs.get_custom_job, job.name),
        "search": until_over(jobs.get_hyperparameter_tuning_job, search.name),
    }
    model = upload_model(models, parent)
    endpoint = create_endpoint(endpoints, parent)
    first = deploy_model(endpoints, endpoint, model, {"0": 100})
    second = deploy_model(endpoints, endpoint, model, {first: 80, "0": 20})
    there = endpoints.get_endpoint(name=endpoint)
    told["split"] = [there.traffic_split[first], there.traffic_split[second]]
    answer = predict(asking, endpoint, [{"x": 1.0}, {"x": 2.0}])
    told["answered"] = answer.deployed_model_id in (first, second)
    told["predictions"] = list(answer.predictions)
    for gone, split in ((first, {second: 100}), (second, {})):
        endpoints.undeploy_model(
            endpoint=endpoint, deployed_model_id=gone, traffic_split=split
        ).result(timeout=PATIENCE)
    endpoints.delete_endpoint(name=endpoint).result(timeout=PATIENCE)
    models.delete_model(name=model).result(timeout=PATIENCE)
    jobs.delete_custom_job(name=job.name).result(timeout=PATIENCE)
    jobs.delete_hyperparameter_tuning_job(name=search.name).result(timeout=PATIENCE)
    left = (
        endpoints.list_endpoints(parent=parent),
        models.list_models(parent=parent),
        jobs.list_hyperparameter_tuning_jobs(parent=parent),
    )
    told["left"] = [each.name for kind in left for each in kind]
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
