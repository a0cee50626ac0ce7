"""Where AWS keeps the image of its model monitor, as the SageMaker developer guide lists it.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-built-container.html
"""

from __future__ import annotations

import os

from blocks.contracts import InvalidRequest

IMAGE = "BLUEWATER_AWS_MONITOR_IMAGE"
REPOSITORY = "sagemaker-model-monitor-analyzer"

_REGISTRIES = {
    "ap-east-1": "001633400207",
    "ap-northeast-1": "574779866223",
    "ap-northeast-2": "709848358524",
    "ap-south-1": "126357580389",
    "ap-southeast-1": "245545462676",
    "ap-southeast-2": "563025443158",
    "ca-central-1": "536280801234",
    "eu-central-1": "048819808253",
    "eu-north-1": "895015795356",
    "eu-west-1": "468650794304",
    "eu-west-2": "749857270468",
    "eu-west-3": "680080141114",
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
    """Return the address of the image in a region. Raises InvalidRequest where none is known."""
    if region not in _REGISTRIES:
        raise InvalidRequest(
            f"no image of the model monitor is known in {region!r}; give the block one, or set "
            f"{IMAGE}",
            code="IMAGE",
        )
    return f"{_REGISTRIES[region]}.dkr.ecr.{region}.amazonaws.com/{REPOSITORY}"
