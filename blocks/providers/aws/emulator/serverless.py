"""The rules of serverless variants, and how much of one is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.providers.aws.emulator.refusals import AwsError

CONFIG = "ServerlessConfig"
SERVERLESS = "serverless"  # what a variant without machines runs on
MAX_BODY = 4 * 1024 * 1024  # bytes
_SIZES = range(1024, 6145, 1024)  # megabytes
_OF_MACHINES = ("InstanceType", "InitialInstanceCount", "RoutingConfig")


def kind_of(variant: Mapping[str, Any]) -> str:
    """Return what a variant runs on."""
    return str(variant.get("InstanceType", SERVERLESS))


def size_of(variant: Mapping[str, Any]) -> int:
    """Return how many environments or machines a variant begins with."""
    if CONFIG in variant:
        return max(1, int(variant[CONFIG].get("ProvisionedConcurrency", 0)))
    return int(variant["InitialInstanceCount"])


def check_variant(variant: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Raise what SageMaker says to a serverless variant that cannot be."""
    config = variant[CONFIG]
    if given := [each for each in _OF_MACHINES if each in variant]:
        raise _refused(f"{given[0]} cannot be specified with ServerlessConfig.")
    if config["MemorySizeInMB"] not in _SIZES:
        raise _refused(f"MemorySizeInMB must be one of {[*_SIZES]}.")
    if config.get("ProvisionedConcurrency", 0) > config["MaxConcurrency"]:
        raise _refused("ProvisionedConcurrency must be less than or equal to MaxConcurrency.")
    if "VpcConfig" in model or model.get("EnableNetworkIsolation"):
        raise _refused("VPC configuration and network isolation are not supported.")
    if "ModelDataSource" in model["PrimaryContainer"]:
        raise _refused("ModelDataSource is not supported.")


def check_alone(live: Sequence[Mapping[str, Any]], shadows: Sequence[Mapping[str, Any]]) -> None:
    """Raise what SageMaker says to a serverless variant that is not alone."""
    every = [*live, *shadows]
    if len(every) > 1 and any(CONFIG in each for each in every):
        raise _refused("Serverless endpoints support a single production variant.")


def _refused(why: str) -> AwsError:
    return AwsError("ValidationException", f"Serverless inference: {why}")
