"""How the conformance suite moves the endpoints of an AWS account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blocks.contracts import ModelVersion, OperationRef, VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.container import Settings
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.providers.aws.model_levers import uploaded
from blocks.testing.models import make_model
from blocks.testing.waiting import until

NAME = "bench"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/bluewater-server:1"
QUICK: Mapping[str, Any] = {"image": IMAGE, "capture_every": 1.0}


class EndpointLevers:
    """The endpoints part of the bench."""

    def __init__(self, account: AwsAccount, emulator: Account, folder: Path) -> None:
        self._account, self._emulator, self._folder = account, emulator, folder
        self._endpoints = SageMakerEndpoints(account=account, **QUICK)
        self._models: dict[str, ModelVersion] = {}

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        if kind not in self._models:
            made = make_model(self._folder / "served" / kind / "model", kind=kind)
            draft = uploaded(self._account, made, f"{self._account.root}/served/{kind}")
            number = str(len(self._models) + 1)
            self._models[kind] = ModelVersion(
                name=draft.name, version=number, uri=draft.uri, digest=draft.digest
            )
        model = self._models[kind]
        return VariantRequest(endpoint=NAME, variant=variant, model=model, machine="ml.m5.large")

    def settle(self, ref: OperationRef) -> None:
        """Wait until the variant is ready, or will never be."""
        until(lambda: self._endpoints.status(ref).phase.done, within=120)

    def succeed(self, ref: OperationRef) -> None:
        """Let it become ready; nothing is needed for that."""
        self.settle(ref)

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
