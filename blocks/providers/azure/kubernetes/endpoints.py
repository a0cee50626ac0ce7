"""Online endpoints of Azure Machine Learning on a Kubernetes cluster that is attached to it."""

from __future__ import annotations

import os
from functools import partial
from typing import ClassVar

from pydantic import Field

from blocks.cloud.wanted import WantedVariant
from blocks.contracts import EndpointFeatures, InvalidRequest, Unsupported, VariantRequest
from blocks.providers.azure.endpoint_calls import MOST
from blocks.providers.azure.endpoints import AzureEndpoints
from blocks.providers.azure.kubernetes.calls import Share, to_deployment, to_endpoint
from blocks.providers.azure.steering import Place

COMPUTE = "BLUEWATER_AZURE_COMPUTE"


class AzureKubernetesEndpoints(AzureEndpoints):
    """Serves models on a cluster of one's own, with the traffic split of Azure's own router.

    A request's machine is an instance type of the cluster. Nothing is mirrored there, and the
    router itself adds replicas, by the requests that they have in hand.
    """

    _block_type_name = "Azure Kubernetes endpoints"
    _block_type_slug = "azure-kubernetes-endpoints"

    provider: ClassVar[str] = "azure-kubernetes"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="abfss",
        weights=True,
        mirror=False,
        capture=True,
        direct=True,
        sticky=False,
        autoscaling=True,
        scale_to_zero=False,
        alarm_rollback=False,
        max_payload_bytes=MOST,
    )

    compute: str = Field(
        default_factory=lambda: os.environ.get(COMPUTE, ""),
        description="Name of the Kubernetes cluster as it is attached to the workspace.",
    )
    cpu: str = Field(default="", description="Processors that a replica asks for, e.g. 500m.")
    memory: str = Field(default="", description="Memory that a replica asks for, e.g. 2Gi.")
    gpu: str = Field(default="", description="GPUs that a replica asks for, e.g. 1.")

    def _want(self, request: VariantRequest, token: str) -> WantedVariant:
        if not self.compute:
            raise InvalidRequest(
                f"compute: name the attached cluster in the block or in {COMPUTE}", code="COMPUTE"
            )
        if self.busy_requests is not None or not self.public_access:
            raise Unsupported(
                "busy_requests and public_access are for managed endpoints: on Kubernetes replicas "
                "are added by busy_share alone, and the cluster says who reaches it",
                code="KUBERNETES",
            )
        return super()._want(request, token)

    def _makes(self) -> Place:
        share = Share(cpu=self.cpu, memory=self.memory, gpu=self.gpu)
        return Place(
            endpoint=partial(
                to_endpoint,
                account=self.account,
                identity=self.identity,
                auth=self.auth,
                compute=self.compute,
            ),
            deployment=partial(
                to_deployment,
                account=self.account,
                image=self.image,
                told=self._told(),
                share=share,
                busy=self.busy_share,
            ),
        )
