"""What Vertex AI asks of endpoints and of what is deployed to them, beyond what messages say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import grpc
from google.cloud.aiplatform_v1.types import (
    DedicatedResources,
    DeployedModel,
    Endpoint,
    PredictRequestResponseLoggingConfig,
    PrivateServiceConnectConfig,
)

from blocks.providers.gcp.emulator.machine_specs import USUAL, is_pod, require_machine
from blocks.providers.gcp.emulator.references import (
    require_account,
    require_display_name,
    require_key,
    require_labels,
    require_network,
)
from blocks.providers.gcp.emulator.refusals import GcpError, invalid

_DEPLOYED_ID = re.compile(r"[0-9]{1,10}")
_PERCENT = 100
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]+")
_NETWORK = re.compile(r"projects/[^/]+/global/networks/[a-z][a-z0-9-]{0,62}")
_TABLE = re.compile(r"bq://[a-z][a-z0-9-]{4,28}[a-z0-9](\.\w+(\.[\w-]+)?)?")


def require_endpoint(endpoint: Endpoint, location: str) -> None:
    """Raise GcpError for an endpoint that cannot be."""
    require_display_name(endpoint.display_name)
    require_labels(endpoint.labels)
    require_key(endpoint.encryption_spec.kms_key_name, location)
    require_network(endpoint.network)
    private = endpoint.private_service_connect_config.enable_private_service_connect
    if endpoint.network and (private or endpoint.enable_private_service_connect):
        raise invalid("network and private_service_connect_config are mutually exclusive.")
    if private and endpoint.dedicated_endpoint_enabled:
        raise invalid(
            "dedicated_endpoint_enabled and private_service_connect_config are mutually exclusive."
        )
    _require_private(endpoint.private_service_connect_config)
    if "predict_request_response_logging_config" in endpoint:
        _require_logging(endpoint.predict_request_response_logging_config)


def require_split(split: Mapping[str, int], known: Iterable[str]) -> None:
    """Raise GcpError for a split that is not one; an empty one always is."""
    shares = split.values()
    if split and (
        sum(shares) != _PERCENT
        or any(not 0 <= share <= _PERCENT for share in shares)
        or not set(split) <= set(known)
    ):
        raise invalid(
            "Traffic split percentages must add up to 100 and refer to models of the endpoint."
        )


def require_deployable(told: DeployedModel) -> None:
    """Raise GcpError for what cannot be deployed; without a machine it gets the usual one."""
    if not _DEPLOYED_ID.fullmatch(told.id):
        raise invalid(f"Invalid deployed model id: {told.id!r}")
    require_display_name(told.display_name, "deployed_model.display_name")
    require_account(told.service_account)
    if "shared_resources" in told:
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "shared resources are not emulated")
    if "dedicated_resources" not in told:
        raise invalid("dedicated_resources must be used for models that are not AutoML's.")
    resources = told.dedicated_resources
    resources.machine_spec.machine_type = resources.machine_spec.machine_type or USUAL
    require_machine(resources.machine_spec, "dedicated_resources.machine_spec")
    _require_replicas(resources)
    _require_metrics(resources)
    if resources.spot and is_pod(resources.machine_spec):
        raise invalid("dedicated_resources.spot is not supported with TPU Pods.")


def _require_replicas(resources: DedicatedResources) -> None:
    least, most = resources.min_replica_count, resources.max_replica_count
    if least < 1 or most < 0 or (most and most < least):
        raise invalid("min_replica_count must be at least 1, and max_replica_count no less.")
    if resources.required_replica_count:
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, "partial deployments are not emulated")


def _require_metrics(resources: DedicatedResources) -> None:
    names = [each.metric_name for each in resources.autoscaling_metric_specs]
    if len(set(names)) < len(names):
        raise invalid("autoscaling_metric_specs: at most one entry is allowed per metric.")
    for each in resources.autoscaling_metric_specs:
        percent = not each.metric_name.endswith("request_count")
        if each.target < 0 or (percent and each.target > _PERCENT):
            raise invalid(f"{each.metric_name}: the target {each.target} is out of range.")


def _require_private(config: PrivateServiceConnectConfig) -> None:
    for project in config.project_allowlist:
        if not _PROJECT.fullmatch(project):
            raise invalid(f"project_allowlist: {project!r} is no project.")
    if config.psc_automation_configs and not config.enable_private_service_connect:
        raise invalid("psc_automation_configs need enable_private_service_connect.")
    for rule in config.psc_automation_configs:
        if rule.project_id not in config.project_allowlist:
            raise invalid(f"psc_automation_configs: {rule.project_id!r} is not in the allowlist.")
        if not _NETWORK.fullmatch(rule.network):
            raise invalid(f"psc_automation_configs: invalid network {rule.network!r}.")


def _require_logging(config: PredictRequestResponseLoggingConfig) -> None:
    if not config.enabled:
        return
    if not 0 < config.sampling_rate <= 1:
        raise invalid("sampling_rate must be in the range (0, 1].")
    table = config.bigquery_destination.output_uri
    if not _TABLE.fullmatch(table):
        raise invalid(f"Invalid bigquery_destination.output_uri: {table!r}")
