"""EC2 as the conformance suite sees it: an emulated account, and an owner of its own in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract, TrainingJobs
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.bench import AwsBench
from blocks.providers.aws.ec2.machines import Machines
from blocks.providers.aws.ec2.profiles import make_profile
from blocks.providers.aws.ec2.training_levers import TrainingLevers
from blocks.providers.aws.emulator.launch import Account
from blocks.registry import implementation
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)

PROFILE = "bluewater-training"


class _Bench(Levers):
    """Levers of EC2 over one emulated account."""

    def __init__(self, aws: Any) -> None:
        self.account: AwsAccount = aws.account
        self.emulator: Account = aws.emulator
        self.keep_secret: Callable[[str, str], None] = aws.keep_secret
        self.machines = Machines(
            instance_profile=PROFILE,
            python=sys.executable,
            setup="",
            look_every=timedelta(seconds=0.1),
            sync_every=timedelta(seconds=0.2),
        )
        make_profile(aws.levers_account.client("iam"), PROFILE)
        self.training = TrainingLevers(aws.levers_account, self.emulator)
        super().__init__("aws-ec2", {"training": self.training})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("aws-ec2", contract)
        account = self.account.model_copy()
        if contract is TrainingJobs:
            return cls(account=account, machines=self.machines)
        return cls(account=account)

    def running(self) -> Sequence[str]:
        """Return the machines of this owner that are billed, and templates that were left."""
        billed = [
            each["id"]
            for each in self.training.instances()
            if each["state"] in ("pending", "running")
        ]
        mine = self.account.named("")
        left = [name for name in self.emulator.pull("ec2-templates") if name.startswith(mine)]
        return sorted(billed + left)

    def zone(self) -> str:
        """Return a zone that is not the first, which a machine gets anyway."""
        return f"{self.account.region}b"


@contextmanager
def Ec2Bench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: an account, or, while another world is open, another owner in its account."""
    with AwsBench(folder) as aws:
        yield _Bench(aws)
