"""What Vertex AI asks of a batch prediction job beyond what its messages say.

https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions
"""

from __future__ import annotations

import grpc
from google.cloud.aiplatform_v1.types import BatchPredictionJob, Model

from blocks.providers.gcp.emulator.machine_specs import require_machine
from blocks.providers.gcp.emulator.references import (
    require_account,
    require_display_name,
    require_key,
    require_labels,
    require_place,
)
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.serving_containers import require_served
from blocks.providers.gcp.emulator.world import World

_INPUTS = ("jsonl", "csv", "bigquery", "file-list", "tf-record", "tf-record-gzip")
_OUTPUTS = ("jsonl", "csv", "bigquery")
_OURS = "jsonl"  # the one that is emulated


def require_predictable(world: World, job: BatchPredictionJob) -> None:
    """Raise what the service says to a job that its messages allow, but its rules do not."""
    require_display_name(job.display_name)
    require_labels(job.labels)
    require_key(job.encryption_spec.kms_key_name, world.location)
    require_account(job.service_account)
    if job.generate_explanation or "explanation_spec" in job:
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "explanations are not emulated")
    if "instance_config" in job and job.instance_config != BatchPredictionJob.InstanceConfig():
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "instance_config is not emulated")
    _require_input(job.input_config)
    _require_output(job.output_config)
    _require_machines(job)


def model_of(world: World, job: BatchPredictionJob) -> Model:
    """Return what predicts: a model of the registry, or the job's own. Raises GcpError."""
    if bool(job.model) == ("unmanaged_container_model" in job):
        raise invalid("Exactly one of model and unmanaged_container_model must be set.")
    if job.model:
        found = world.find_model(job.model)
        if not isinstance(found, Model):
            raise not_found(job.model)
        return found
    own = job.unmanaged_container_model
    require_served(world, own.container_spec, own.artifact_uri)
    return Model(
        display_name="unmanaged",
        artifact_uri=own.artifact_uri,
        container_spec=own.container_spec,
    )


def no_machine(location: str) -> GcpError:
    """Return what is said where there are no machines left."""
    return GcpError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"Resources are insufficient in region: {location}. Please try a different region "
        "or use a different accelerator.",
    )


def _require_input(config: BatchPredictionJob.InputConfig) -> None:
    if config.instances_format not in _INPUTS:
        raise invalid(f"The instances_format {config.instances_format!r} is not supported.")
    if config.instances_format != _OURS:
        raise GcpError(
            grpc.StatusCode.UNIMPLEMENTED, f"{config.instances_format} is not emulated as input"
        )
    if not config.gcs_source.uris:
        raise invalid("input_config.gcs_source.uris must be set for jsonl.")
    for uri in config.gcs_source.uris:
        require_place(uri, "input_config.gcs_source.uris")


def _require_output(config: BatchPredictionJob.OutputConfig) -> None:
    if config.predictions_format not in _OUTPUTS:
        raise invalid(f"The predictions_format {config.predictions_format!r} is not supported.")
    if config.predictions_format != _OURS:
        raise GcpError(
            grpc.StatusCode.UNIMPLEMENTED, f"{config.predictions_format} is not emulated as output"
        )
    prefix = config.gcs_destination.output_uri_prefix
    if not prefix:
        raise invalid("output_config.gcs_destination must be set for jsonl.")
    require_place(prefix, "output_config.gcs_destination.output_uri_prefix")


def _require_machines(job: BatchPredictionJob) -> None:
    if "dedicated_resources" not in job:
        raise invalid("dedicated_resources must be set for models that are not AutoML's.")
    resources, path = job.dedicated_resources, "dedicated_resources"
    require_machine(resources.machine_spec, f"{path}.machine_spec")
    least, most = resources.starting_replica_count, resources.max_replica_count
    if least < 0 or most < 0 or (most and least > most):
        raise invalid(f"{path}: starting_replica_count must not exceed max_replica_count.")
    if job.manual_batch_tuning_parameters.batch_size < 0:
        raise invalid("manual_batch_tuning_parameters.batch_size must be positive.")
