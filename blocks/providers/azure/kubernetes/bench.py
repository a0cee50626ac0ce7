"""Endpoints on Kubernetes as the conformance suite sees them: a cluster is attached already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.providers.azure.bench import AzureBench
from blocks.providers.azure.endpoint_levers import QUICK, EndpointLevers
from blocks.providers.azure.kubernetes.attached import CLUSTER, MACHINE, attach
from blocks.providers.azure.kubernetes.endpoints import AzureKubernetesEndpoints
from blocks.registry import implementation, provider
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)

CONFIGURED: Mapping[str, Any] = {
    **{name: value for name, value in QUICK.items() if name != "busy_requests"},
    "compute": CLUSTER,
    "cpu": "500m",
    "memory": "512Mi",
}


class _Bench(Levers):
    """Levers of one cluster of an emulated subscription."""

    def __init__(self, azure: Any) -> None:
        self.account, self.emulator, self.keep_secret = (
            azure.account,
            azure.emulator,
            azure.keep_secret,
        )
        self.levers_account, self.running, self._azure = azure.levers_account, azure.running, azure
        attach(azure.levers_account)
        levers = EndpointLevers(
            azure.levers_account,
            azure.emulator,
            azure.uploads,
            endpoints=AzureKubernetesEndpoints(account=azure.levers_account, **CONFIGURED),
            machine=MACHINE,
        )
        super().__init__("azure-kubernetes", {"endpoints": levers})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner; what is not of the cluster is the subscription's."""
        if contract.capability not in provider("azure-kubernetes").capabilities:
            found: C = self._azure.connect(contract)
            return found
        cls: Callable[..., C] = implementation("azure-kubernetes", contract)
        return cls(account=self.account.model_copy(), **CONFIGURED)

    def zone(self) -> str:
        """Return no zone: nothing here takes one."""
        return ""


@contextmanager
def AzureKubernetesBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as a class
    """Open a world: a subscription, or, while one is open, another owner in it."""
    with AzureBench(folder) as azure:
        yield _Bench(azure)
