"""The steps of Google's public samples with the high-level classes of google-cloud-aiplatform.

Nothing of ours is imported. Where everything is comes from the command line and the environment, as
a sample's reader would set it: only the address is not Google's.
"""

from __future__ import annotations

import json
import sys

from google.cloud import aiplatform, storage
from google.cloud.aiplatform import hyperparameter_tuning


def create_custom_job(bucket: str) -> str:
    """Run a container to its end."""
    pools = [
        {
            "machine_spec": {"machine_type": "n1-standard-4"},
            "replica_count": 1,
            "container_spec": {"image_uri": "gcr.io/p/trainer", "command": [], "args": ["--fast"]},
        }
    ]
    job = aiplatform.CustomJob(
        display_name="training", worker_pool_specs=pools, base_output_dir=f"gs://{bucket}/out"
    )
    job.run(restart_job_on_worker_restart=True, timeout=3600)
    return str(job.state.name)


def create_hyperparameter_tuning_job(bucket: str) -> str:
    """Try a container with some values of its hyperparameters."""
    measure = (
        "import os, pathlib, sys; rate = sys.argv[1].partition('=')[2]; "
        "told = dict(timestamp=1, trial=os.environ['CLOUD_ML_TRIAL_ID'], loss=rate, global_step=1);"
        " import json; file = pathlib.Path(os.environ['CLOUD_ML_HP_METRIC_FILE']); "
        "file.write_text(json.dumps({**told, 'global_step': '1'}) + chr(10))"
    )
    container = {"image_uri": "gcr.io/p/trainer", "command": ["python", "-c", measure], "args": []}
    pools = [
        {
            "machine_spec": {"machine_type": "n1-standard-4"},
            "replica_count": 1,
            "container_spec": container,
        }
    ]
    custom = aiplatform.CustomJob(
        display_name="tuned", worker_pool_specs=pools, base_output_dir=f"gs://{bucket}/tuned"
    )
    job = aiplatform.HyperparameterTuningJob(
        display_name="tuned",
        custom_job=custom,
        metric_spec={"loss": "minimize"},
        parameter_spec={
            "rate": hyperparameter_tuning.DoubleParameterSpec(min=0.001, max=1, scale="log")
        },
        max_trial_count=2,
        parallel_trial_count=2,
    )
    job.run()
    measured = [each.final_measurement.metrics[0].value for each in job.trials]
    tried = [each.parameters[0].value for each in job.trials]
    return f"{job.state.name} {len(measured)} {measured == tried}"


def upload_model(bucket: str, parent: str | None = None) -> aiplatform.Model:
    """Put a model into the registry, as a version of another where that is named."""
    return aiplatform.Model.upload(
        display_name="model",
        parent_model=parent,
        is_default_version=parent is None,
        version_aliases=None if parent is None else ["candidate"],
        artifact_uri=f"gs://{bucket}/out/model",
        serving_container_image_uri="gcr.io/p/server",
        serving_container_predict_route="/predict",
        serving_container_health_route="/health",
    )


def batch_predict(model: aiplatform.Model, bucket: str) -> str:
    """Have a model predict every line of a file."""
    lines = "".join(f"{json.dumps([float(each)])}\n" for each in range(3))
    storage.Client(project=model.project).bucket(bucket).blob("rows.jsonl").upload_from_string(
        lines
    )
    job = model.batch_predict(
        job_display_name="scored",
        gcs_source=f"gs://{bucket}/rows.jsonl",
        instances_format="jsonl",
        gcs_destination_prefix=f"gs://{bucket}/scored",
        machine_type="n1-standard-2",
        starting_replica_count=1,
        max_replica_count=1,
    )
    files = [each for each in job.iter_outputs() if "results" in each.name]
    told = [json.loads(line) for file in files for line in file.download_as_text().splitlines()]
    state = job.state.name
    job.delete()
    return f"{state} {[each['prediction'] for each in told]}"


def main(project: str, location: str, address: str, bucket: str) -> None:
    """Train, upload, serve two versions side by side, ask them, and take all down."""
    aiplatform.init(
        project=project,
        location=location,
        api_endpoint=address,
        staging_bucket=f"gs://{bucket}",
    )
    storage.Client(project=project).create_bucket(bucket)
    told: dict[str, object] = {"job": create_custom_job(bucket)}
    told["tuned"] = create_hyperparameter_tuning_job(bucket)
    blue = upload_model(bucket)
    green = upload_model(bucket, parent=blue.resource_name)
    told["versions"] = [blue.version_id, green.version_id]
    told["scored"] = batch_predict(blue, bucket)
    endpoint = aiplatform.Endpoint.create(display_name="endpoint")
    machines = {"machine_type": "n1-standard-2", "min_replica_count": 1, "max_replica_count": 1}
    endpoint.deploy(blue, deployed_model_display_name="blue", traffic_percentage=100, **machines)
    endpoint.deploy(green, deployed_model_display_name="green", traffic_percentage=10, **machines)
    told["split"] = sorted(endpoint.traffic_split.values())
    told["predictions"] = endpoint.predict(instances=[[1.0], [2.0]]).predictions
    ids = {each.display_name: each.id for each in endpoint.list_models()}
    endpoint.update(traffic_split={ids["blue"]: 0, ids["green"]: 100})
    endpoint.undeploy(deployed_model_id=ids["blue"])
    told["left"] = [each.display_name for each in endpoint.list_models()]
    endpoint.undeploy_all()
    endpoint.delete()
    blue.delete()
    told["endpoints"] = len(aiplatform.Endpoint.list())
    print(json.dumps(told))


if __name__ == "__main__":
    aiplatform.jobs._JOB_WAIT_TIME = 0.2  # five seconds, of which a test has none
    main(*sys.argv[1:])
