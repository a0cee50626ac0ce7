"""How the conformance suite moves the endpoints of an AWS account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.cloud.serving import Settings
from blocks.contracts import OperationRef, VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads

MACHINE = "ml.m5.large"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/bluewater-server:1"
QUICK: Mapping[str, Any] = {"image": IMAGE, "capture_every": 1.0}


class EndpointLevers(ByItself):
    """The endpoints part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account, uploads: Uploads) -> None:
        super().__init__(SageMakerEndpoints(account=account, **QUICK))
        self._account, self._emulator, self._uploads = account, emulator, uploads

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        return self._uploads.variant_request(kind, variant, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the servers of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        said = {"endpoint": self._account.named(endpoint), "variant": variant}
        if not self._emulator.pull("kill-replicas", **said):
            raise LookupError(f"no server of {ref.id} runs")

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the endpoint's configuration and the container's environment say."""
        endpoint, _, name = ref.id.partition("/")
        sagemaker = self._account.client("sagemaker")
        there = sagemaker.describe_endpoint(EndpointName=self._account.named(endpoint))
        config = sagemaker.describe_endpoint_config(EndpointConfigName=there["EndpointConfigName"])
        variant = next(each for each in config["ProductionVariants"] if each["VariantName"] == name)
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
        settings = Settings.from_environment(model["PrimaryContainer"]["Environment"])
        return {
            "endpoint": settings.endpoint,
            "variant": settings.variant,
            "model": settings.model,
            "machine": variant["InstanceType"],
            "min_replicas": variant["InitialInstanceCount"],
            "serving": settings.serving,
            "capture": settings.capture,
        }

    def created(self) -> int:
        """Count the variants that were ever made; one that serves copies is not a further one."""
        mine = self._account.named("")
        names = self._emulator.pull("models-created")
        return sum(each.startswith(mine) and not each.endswith("-copies") for each in names)

    def scaled(self, endpoint: str) -> Mapping[str, tuple[int, int]]:
        """Return between which bounds variants are scaled, as AWS tells it."""
        scaling = self._account.client("application-autoscaling")
        found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        mine = f"endpoint/{self._account.named(endpoint)}/variant/"
        return {
            each["ResourceId"].removeprefix(mine): (each["MinCapacity"], each["MaxCapacity"])
            for each in found
            if each["ResourceId"].startswith(mine)
        }
