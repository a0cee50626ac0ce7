"""A cluster of Kubernetes that is attached to a workspace, as its owner does it once."""

from __future__ import annotations

from azure.ai.ml.entities import KubernetesCompute

from blocks.providers.azure.account import AzureAccount

CLUSTER = "cluster"
MACHINE = "defaultinstancetype"  # what every attached cluster has


def attach(account: AzureAccount) -> None:
    """Attach a cluster of AKS."""
    cluster = KubernetesCompute(
        name=CLUSTER,
        namespace="default",
        resource_id=(
            f"/subscriptions/{account.subscription}/resourceGroups/{account.resource_group}"
            "/providers/Microsoft.ContainerService/managedClusters/aks"
        ),
    )
    account.ml().compute.begin_create_or_update(cluster).result()
