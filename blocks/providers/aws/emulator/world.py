"""Everything that one emulated AWS account is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from blocks.contracts import Frozen
from blocks.emulation.containers import Containers
from blocks.emulation.warm import WarmInterpreter
from blocks.emulation.world import EmulatedWorld
from blocks.providers.aws.emulator.faults import faults
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.providers.aws.emulator.logs import Logs
from blocks.providers.aws.emulator.objects import Objects

ACCOUNT = "123456789012"  # the account that moto's calls are made under
MOUNT, MOUNTED = "/opt/ml", "BLUEWATER_OPT_ML"


class Settings(Frozen):
    """What an emulated account is like."""

    region: str = "us-east-1"
    speed: float = 1.0  # of its clock
    grace: float = 120.0  # seconds between SIGTERM and SIGKILL, as SageMaker has it
    provisioning: float = 0.0  # seconds until a machine is there
    patience: float | None = None  # seconds that MaxWaitTimeInSeconds is cut to for want of one
    notice: float = 120.0  # seconds between a spot notice and the end of the machine, as EC2 has it
    scaling_period: float = (
        0.0  # seconds that auto scaling looks at a time; 0: as its metric has it
    )


class World(EmulatedWorld):
    """One account in one region: besides what every cloud has, its objects, logs and tags.

    ``lock`` guards what is kept in moto, too.
    """

    def __init__(self, folder: Path, settings: Settings, warm: WarmInterpreter) -> None:
        containers = Containers(MOUNT, MOUNTED, warm)
        super().__init__(folder, faults=faults(), containers=containers, speed=settings.speed)
        self.settings = settings
        self.account, self.region = ACCOUNT, settings.region
        self.objects = Objects(ACCOUNT, self.lock)
        self.logs = Logs(ACCOUNT, settings.region, self.lock)
        self.tags: dict[str, dict[str, str]] = {}  # by ARN
        self.publish: Callable[[], None] = lambda: None  # what CloudWatch has not been told yet

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a thing of SageMaker."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name}"

    def tag(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Keep the tags that a create brought."""
        self.tags[arn] = {each["Key"]: each["Value"] for each in tags or []}

    def untag(self, arn: str) -> None:
        """Forget the tags of what is gone."""
        self.tags.pop(arn, None)

    def container_env(self) -> dict[str, str]:
        """Return what every container finds: the region and how to reach AWS as its role."""
        return {
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": CONTAINERS,
            "AWS_SECRET_ACCESS_KEY": "execution-role",
        }
