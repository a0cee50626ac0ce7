"""What the environment says of runs: images, pools of machines, and the job that they are of."""

from __future__ import annotations

import os
from collections.abc import Sequence

IMAGE = "BLUEWATER_DATABRICKS_IMAGE"
TRAINING_IMAGE = "BLUEWATER_DATABRICKS_TRAINING_IMAGE"  # where training needs another one
WHEEL = "BLUEWATER_DATABRICKS_WHEEL"
POOLS = "BLUEWATER_DATABRICKS_POOLS"
JOB = "BLUEWATER_DATABRICKS_JOB"


def named_job() -> str:
    """Return the name of the job whose runs ours are; empty if nobody says."""
    return os.environ.get(JOB, "")


def serving_image() -> str:
    """Return the image that has bluewater in it, from the environment; empty if nobody says."""
    return os.environ.get(IMAGE, "")


def training_image() -> str:
    """Return the image for jobs whose request names none; empty if nobody says."""
    return os.environ.get(TRAINING_IMAGE) or serving_image()


def wheel() -> str:
    """Return the path of bluewater's wheel in a volume, from the environment; or nothing."""
    return os.environ.get(WHEEL, "")


def instance_pools() -> Sequence[str]:
    """Return ids of instance pools, from the environment, between commas."""
    return tuple(filter(None, os.environ.get(POOLS, "").replace(" ", "").split(",")))
