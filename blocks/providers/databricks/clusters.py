"""The cluster of a run, in Databricks' words: one machine, on demand or on spot."""

from __future__ import annotations

from collections.abc import Mapping

from databricks.sdk.service.compute import (
    AwsAttributes,
    AwsAvailability,
    AzureAttributes,
    AzureAvailability,
    ClusterSpec,
    DataSecurityMode,
    DockerImage,
    GcpAttributes,
    GcpAvailability,
)

from blocks.providers.databricks.account import CloudName

RUNTIME = "17.3.x-scala2.13"  # with Spark 4
_ANY_ZONE = "auto"  # the one with the most free addresses; another where there is no machine
_SINGLE = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
_SINGLE_TAG = {"ResourceClass": "SingleNode"}


def to_cluster(
    machine: str,
    *,
    cloud: CloudName,
    spot: bool,
    image: str,
    runtime: str,
    env: Mapping[str, str],
    tags: Mapping[str, str],
    pool: str = "",
    workers: int = 0,
) -> ClusterSpec:
    """Return a cluster for one run, which goes with it, or back into its pool.

    Without workers it is one machine. On spot the driver is, too: where no machine is free one on
    demand takes its place, and a driver that is taken back takes the run with it.
    """
    return ClusterSpec(
        spark_version=runtime,
        node_type_id=None if pool else machine,  # a pool knows its own, and whether they are spot
        instance_pool_id=pool or None,
        driver_instance_pool_id=pool or None,
        num_workers=workers,
        spark_conf=None if workers else dict(_SINGLE),
        custom_tags={**({} if workers else _SINGLE_TAG), **tags},
        spark_env_vars=dict(env) or None,
        docker_image=DockerImage(url=image) if image else None,
        data_security_mode=DataSecurityMode.SINGLE_USER,  # who has volumes mounted
        aws_attributes=_aws(spot) if cloud == "aws" and not pool else None,
        azure_attributes=_azure(spot) if cloud == "azure" and not pool else None,
        gcp_attributes=_gcp(spot) if cloud == "gcp" and not pool else None,
    )


def is_spot(cluster: ClusterSpec) -> bool:
    """Whether a cluster's machine may be taken back."""
    attributes = (cluster.aws_attributes, cluster.azure_attributes, cluster.gcp_attributes)
    kinds = [each.availability for each in attributes if each is not None]
    return any(kind is not None and not kind.value.startswith("ON_DEMAND") for kind in kinds)


def _aws(spot: bool) -> AwsAttributes:
    kind = AwsAvailability.SPOT_WITH_FALLBACK if spot else AwsAvailability.ON_DEMAND
    return AwsAttributes(availability=kind, first_on_demand=0 if spot else 1, zone_id=_ANY_ZONE)


def _azure(spot: bool) -> AzureAttributes:
    on_demand, with_fallback = (
        AzureAvailability.ON_DEMAND_AZURE,
        AzureAvailability.SPOT_WITH_FALLBACK_AZURE,
    )
    return AzureAttributes(
        availability=with_fallback if spot else on_demand, first_on_demand=0 if spot else 1
    )


def _gcp(spot: bool) -> GcpAttributes:
    on_demand, with_fallback = (
        GcpAvailability.ON_DEMAND_GCP,
        GcpAvailability.PREEMPTIBLE_WITH_FALLBACK_GCP,
    )
    return GcpAttributes(
        availability=with_fallback if spot else on_demand, first_on_demand=0 if spot else 1
    )
