"""What the machines of a block are like, beyond what a request says."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

from pydantic import Field

from blocks.contracts import Frozen

_AMAZON_LINUX = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
_PYTHON = (
    "command -v python3.11 || dnf install -y python3.11 python3.11-pip\n"
    "python3.11 -c 'import boto3' || python3.11 -m pip install boto3"
)


PROFILE = "BLUEWATER_EC2_PROFILE"
LOOK_EVERY, SYNC_EVERY = "BLUEWATER_EC2_LOOK_EVERY", "BLUEWATER_EC2_SYNC_EVERY"


def _seconds(name: str, usual: float) -> Callable[[], timedelta]:
    return lambda: timedelta(seconds=float(os.environ.get(name) or usual))


class Machines(Frozen):
    """Images, roles and disks of machines, and how often they look up from their work."""

    image_id: str = Field(
        default=_AMAZON_LINUX,
        description="Machine image (AMI) of jobs whose request names none: an id, or "
        "resolve:ssm:/path.",
    )
    instance_profile: str = Field(
        default_factory=lambda: os.environ.get(PROFILE, ""),
        description="Name or ARN of the instance profile that machines act as: it needs the "
        "account's bucket, the log group /bluewater/training, and the secrets of the jobs.",
    )
    alternatives: tuple[str, ...] = Field(
        default=(), description="Machine types that do as well as the one that is asked for."
    )
    python: str = Field(default="python3.11", description="Python of the image, with boto3.")
    setup: str = Field(default=_PYTHON, description="Shell commands that are run first, as root.")
    volume_gb: int = Field(default=50, ge=1, description="Disk of each machine, in GB.")
    root_device: str = Field(default="/dev/xvda", description="Name of the image's root device.")
    max_price: str = Field(
        default="", description="Most to be paid for an hour on spot; empty: the list price."
    )
    look_every: timedelta = Field(
        default_factory=_seconds(LOOK_EVERY, 5),
        description="How often a machine looks for a spot notice.",
    )
    sync_every: timedelta = Field(
        default_factory=_seconds(SYNC_EVERY, 15),
        description="How often checkpoints are carried to S3.",
    )
    grace: timedelta = Field(
        default=timedelta(seconds=60), description="Time to end after SIGTERM, without a notice."
    )
