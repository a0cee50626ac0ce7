"""Endpoints on Kubernetes as the conformance suite sees them: a cluster is attached already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.beside import BesideBench
from blocks.providers.azure.endpoint_levers import QUICK, EndpointLevers
from blocks.providers.azure.kubernetes.attached import CLUSTER, MACHINE, attach
from blocks.providers.azure.kubernetes.endpoints import AzureKubernetesEndpoints

CONFIGURED: Mapping[str, Any] = {
    **{name: value for name, value in QUICK.items() if name != "busy_requests"},
    "compute": CLUSTER,
    "cpu": "500m",
    "memory": "512Mi",
}


@contextmanager
def AzureKubernetesBench(folder: Path) -> Iterator[BesideBench]:  # noqa: N802 - reads as a class
    """Open a world: a subscription, or, while one is open, another owner in it."""
    with AzureBench(folder) as azure:
        attach(azure.levers_account)
        levers = EndpointLevers(
            azure.levers_account,
            azure.emulator,
            azure.uploads,
            endpoints=AzureKubernetesEndpoints(account=azure.levers_account, **CONFIGURED),
            machine=MACHINE,
        )
        yield BesideBench(azure, "azure-kubernetes", {"endpoints": levers}, **CONFIGURED)
