"""Which image of ours the containers of SageMaker run."""

from __future__ import annotations

import os

VARIABLE = "BLUEWATER_AWS_IMAGE"


def serving_image() -> str:
    """Return the image that has bluewater in it, from the environment; empty if nobody says."""
    return os.environ.get(VARIABLE, "")
