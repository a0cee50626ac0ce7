"""Endpoint configurations of SageMaker: which models, on which machines, with which weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from blocks.providers.aws.emulator.captures import CONFIG as CAPTURE
from blocks.providers.aws.emulator.captures import check_capture
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.managed_scaling import CONFIG as MANAGED
from blocks.providers.aws.emulator.managed_scaling import check_managed
from blocks.providers.aws.emulator.models import Models
from blocks.providers.aws.emulator.queued import CONFIG as QUEUE
from blocks.providers.aws.emulator.queued import check_queued
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.serverless import CONFIG, check_alone, check_variant
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

ROLE = "ExecutionRoleArn"  # of an endpoint whose models come later
_OF_ROLE = ("VpcConfig", "EnableNetworkIsolation")
PRODUCTION, SHADOW = "ProductionVariants", "ShadowProductionVariants"
_EMULATED = {
    "EndpointConfigName",
    PRODUCTION,
    SHADOW,
    "Tags",
    "KmsKeyId",
    QUEUE,
    CAPTURE,
    ROLE,
    *_OF_ROLE,
}
_VARIANT = {
    "VariantName",
    "ModelName",
    "InitialInstanceCount",
    "InstanceType",
    "InitialVariantWeight",
    "RoutingConfig",
    CONFIG,
    MANAGED,
    "ModelDataDownloadTimeoutInSeconds",
    "ContainerStartupHealthCheckTimeoutInSeconds",
}


class EndpointConfigs:
    """CreateEndpointConfig and its kin."""

    def __init__(self, world: World, models: Models) -> None:
        self._world, self._models = world, models
        self._known: dict[str, Answer] = {}

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": lambda asked: dict(self.of(asked["EndpointConfigName"])),
            "ListEndpointConfigs": self.list,
            "DeleteEndpointConfig": self.delete,
        }

    def create(self, asked: Answer) -> Answer:
        """Keep a configuration; its name is unique."""
        name = asked["EndpointConfigName"]
        arn = self._world.arn("endpoint-config", name)
        if name in self._known:
            told = f'Cannot create already existing endpoint configuration "{arn}".'
            raise AwsError("ValidationException", told)
        self._check(asked)
        kept = {key: value for key, value in asked.items() if key != "Tags"}
        now = self._world.clock.now()
        self._known[name] = {**kept, "EndpointConfigArn": arn, "CreationTime": now}
        self._world.tag(arn, asked.get("Tags"))
        return {"EndpointConfigArn": arn}

    def list(self, asked: Answer) -> Answer:
        """List configurations."""
        keys = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
        found = [{key: each[key] for key in keys} for each in self._known.values()]
        some, token = listed(found, asked, "EndpointConfig")
        return {"EndpointConfigs": some, "NextToken": token}

    def delete(self, asked: Answer) -> Answer:
        """Forget a configuration, also one in use: its endpoint can only be deleted from then on.

        https://github.com/hashicorp/terraform-provider-aws/issues/40048
        """
        name = asked["EndpointConfigName"]
        self._world.untag(self.of(name)["EndpointConfigArn"])
        del self._known[name]
        return {}

    def of(self, name: str) -> Answer:
        """Return a configuration. Raises AwsError for one that is not there."""
        if told := self.missing(name):
            raise AwsError("ValidationException", told)
        return self._known[name]

    def missing(self, name: str) -> str | None:
        """Return what is told of a configuration that is not there; None of one that is."""
        arn = self._world.arn("endpoint-config", name)
        there = name in self._known
        return None if there else f'Could not find endpoint configuration "{arn}".'

    def _check(self, asked: Answer) -> None:
        if unknown := sorted({*asked} - _EMULATED):
            told = f"not emulated: {', '.join(unknown)}"
            raise AwsError("UnknownOperationException", told, 501)
        live, shadows = asked[PRODUCTION], asked.get(SHADOW, [])
        if shadows and (len(live) != 1 or len(shadows) != 1):
            told = "A shadow variant needs exactly one production and one shadow variant."
            raise AwsError("ValidationException", told)
        names = [each["VariantName"] for each in (*live, *shadows)]
        if len(set(names)) < len(names):
            told = f"Variant names must be unique within an endpoint configuration: {names}"
            raise AwsError("ValidationException", told)
        for each in (*live, *shadows):
            self._check_variant(each)
        _check_machines(asked, (*live, *shadows))
        check_alone(live, shadows)
        check_capture(asked)
        check_queued(asked.get(QUEUE), live, shadows)

    def _check_variant(self, variant: Answer) -> None:
        if unknown := sorted({*variant} - _VARIANT):
            told = f"not emulated: {', '.join(unknown)}"
            raise AwsError("UnknownOperationException", told, 501)
        check_managed(variant)
        if "ModelName" not in variant:
            return
        model = self._models.describe({"ModelName": variant["ModelName"]})
        if CONFIG in variant:
            check_variant(variant, model)
        elif "InstanceType" not in variant or "InitialInstanceCount" not in variant:
            told = "InstanceType and InitialInstanceCount must be specified"
            raise AwsError("ValidationException", told)


def _check_machines(asked: Answer, variants: Sequence[Answer]) -> None:
    """Raise what SageMaker says to machines that wait for inference components."""
    bare = [each for each in variants if "ModelName" not in each]
    if not bare:
        if given := [each for each in (ROLE, *_OF_ROLE) if each in asked]:
            told = f"{given[0]} is for endpoint configurations of inference components."
            raise AwsError("ValidationException", told)
        return
    if ROLE not in asked or len(variants) > 1:
        told = "Inference components need ExecutionRoleArn, and one variant without ModelName."
        raise AwsError("ValidationException", told)
    if CONFIG in bare[0] or "InstanceType" not in bare[0] or "InitialInstanceCount" not in bare[0]:
        told = "InstanceType and InitialInstanceCount must be specified"
        raise AwsError("ValidationException", told)
