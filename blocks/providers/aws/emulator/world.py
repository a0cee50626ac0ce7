"""Everything that one emulated AWS account is made of."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.contracts import Frozen
from blocks.providers.aws.emulator.clock import Clock
from blocks.providers.aws.emulator.containers import Containers
from blocks.providers.aws.emulator.faults import Faults
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.providers.aws.emulator.logs import Logs
from blocks.providers.aws.emulator.objects import Objects

ACCOUNT = "123456789012"  # the account that moto's calls are made under

_KEPT_CALLS = 100_000


class Settings(Frozen):
    """What an emulated account is like."""

    region: str = "us-east-1"
    speed: float = 1.0  # of its clock
    grace: float = 120.0  # seconds between SIGTERM and SIGKILL, as SageMaker has it
    provisioning: float = 0.0  # seconds until a machine is there


class Call(Frozen):
    """One call that was made."""

    call: str  # <service>:<Operation>
    action: str  # that an IAM policy has to allow for it
    key: str  # access key id of who called
    at: float
    status: int
    request: Mapping[str, Any] = {}
    resource: str = ""  # the path, where the protocol puts the resource there


@dataclass(slots=True)
class Record:
    """The calls that were made, and those that nobody here could answer."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=_KEPT_CALLS))
    unknown: list[Call] = field(default_factory=list)

    def keep(self, call: Call, *, unknown: bool) -> None:
        """Keep a call."""
        self.calls.append(call)
        if unknown:
            self.unknown.append(call)


class World:
    """One account in one region: its clock, faults, objects, logs, tags and containers.

    ``lock`` guards all that is kept in memory here and in moto. Hold it shortly; never while
    waiting for a container.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.account, self.region = ACCOUNT, settings.region
        self.url = ""  # known once the server listens
        self.lock = threading.RLock()
        self.clock = Clock(speed=settings.speed)
        self.faults, self.record, self.containers = Faults(), Record(), Containers()
        self.objects = Objects(ACCOUNT, self.lock)
        self.logs = Logs(ACCOUNT, settings.region, self.lock)
        self.tags: dict[str, dict[str, str]] = {}  # by ARN
        self.policies: dict[str, tuple[str, ...]] = {}  # actions by key; without a word, all
        self.levers: dict[str, Callable[[dict[str, Any]], Any]] = {}  # of the control API
        self.closing = threading.Event()

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a thing of SageMaker."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name}"

    def tag(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Keep the tags that a create brought."""
        self.tags[arn] = {each["Key"]: each["Value"] for each in tags or []}

    def container_env(self) -> dict[str, str]:
        """Return what every container finds: the region and how to reach AWS as its role."""
        return {
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": CONTAINERS,
            "AWS_SECRET_ACCESS_KEY": "execution-role",
        }

    def close(self) -> None:
        """End everything that runs."""
        self.closing.set()
        self.containers.end()
