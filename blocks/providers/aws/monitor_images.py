"""Where AWS keeps the image of its model monitor, as the SageMaker developer guide lists it.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-built-container.html
"""

from __future__ import annotations

import os

from blocks.contracts import InvalidRequest
from blocks.registry import MissingExtra, load

IMAGE = "BLUEWATER_AWS_MONITOR_IMAGE"
REPOSITORY = "sagemaker-model-monitor-analyzer"

REGISTRIES = {
    "af-south-1": "875698925577",
    "ap-east-1": "001633400207",
    "ap-northeast-1": "574779866223",
    "ap-northeast-2": "709848358524",
    "ap-northeast-3": "990339680094",
    "ap-south-1": "126357580389",
    "ap-southeast-1": "245545462676",
    "ap-southeast-2": "563025443158",
    "ap-southeast-3": "669540362728",
    "ca-central-1": "536280801234",
    "eu-central-1": "048819808253",
    "eu-central-2": "590183933784",
    "eu-north-1": "895015795356",
    "eu-south-1": "933208885752",
    "eu-south-2": "437450045455",
    "eu-west-1": "468650794304",
    "eu-west-2": "749857270468",
    "eu-west-3": "680080141114",
    "il-central-1": "843974653677",
    "me-central-1": "588750061953",
    "me-south-1": "607024016150",
    "sa-east-1": "539772159869",
    "us-east-1": "156813124566",
    "us-east-2": "777275614652",
    "us-west-1": "890145073186",
    "us-west-2": "159807026194",
}


def monitor_image() -> str:
    """Return the image that the environment names; empty if nobody says."""
    return os.environ.get(IMAGE, "")


def address_in(region: str) -> str:
    """Return the address of the image in a region; AWS's SDK, where it is there, knows others.

    Raises InvalidRequest where none is known.
    """
    if number := REGISTRIES.get(region):
        return f"{number}.dkr.ecr.{region}.amazonaws.com/{REPOSITORY}"
    try:
        retrieve = load("sagemaker.core.image_uris:retrieve", extra="sagemaker")
        return str(retrieve(framework="model-monitor", region=region))
    except (MissingExtra, ValueError) as error:
        raise InvalidRequest(
            f"no image of the model monitor is known in {region!r}; give the block one, or set "
            f"{IMAGE} ({error})",
            code="IMAGE",
        ) from error
