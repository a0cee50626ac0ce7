"""An emulated Azure subscription for rehearsals of releases that are served by Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from blocks.providers.azure.emulator import launch
from blocks.providers.azure.kubernetes.attached import CLUSTER, attach
from blocks.providers.azure.kubernetes.endpoints import COMPUTE
from blocks.providers.azure.rehearsal import AzureRehearsal


class AzureKubernetesRehearsal(AzureRehearsal):
    """A subscription whose endpoints are on an attached cluster; all else of Azure is beside it.

    The faults are those of the workspace: by its calls the cluster's endpoints are made, too.
    """

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which Azure blocks find this subscription."""
        return {**super().environment(), COMPUTE: CLUSTER}

    def _begin(self, stack: ExitStack) -> launch.Subscription:
        emulator = super()._begin(stack)
        attach(self._account)
        return emulator
