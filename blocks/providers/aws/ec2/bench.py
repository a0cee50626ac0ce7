"""EC2 as the conformance suite sees it: an emulated account, and an owner of its own in it."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import (
    BatchRequest,
    Contract,
    ModelDraft,
    OperationRef,
    TrainingJobs,
    TrainingRequest,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.bench import AwsBench
from blocks.providers.aws.ec2.machines import Machines
from blocks.providers.aws.ec2.training_levers import TrainingLevers
from blocks.providers.aws.emulator.launch import Account
from blocks.registry import implementation

C = TypeVar("C", bound=Contract)

PROFILE = "bluewater-training"
_NO_SUCH = "EC2 has no such capability"


class _Bench:
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
        self._profile(aws.levers_account.client("iam"))
        self.training = TrainingLevers(aws.levers_account, self.emulator)

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("aws-ec2", contract)
        account = self.account.model_copy()
        if contract is TrainingJobs:
            return cls(account=account, machines=self.machines)
        return cls(account=account)

    def training_request(self, *, script: str = "") -> TrainingRequest:
        """Return a request whose job runs ``script``; the default one waits for a lever."""
        return self.training.request(script)

    def model_draft(self, *, kind: str = "threshold") -> ModelDraft:
        """No registry here."""
        raise NotImplementedError(_NO_SUCH)

    def variant_request(self, *, kind: str = "threshold", variant: str = "blue") -> VariantRequest:
        """No endpoints here."""
        raise NotImplementedError(_NO_SUCH)

    def batch_request(self, rows: int) -> BatchRequest:
        """No batch inference here."""
        raise NotImplementedError(_NO_SUCH)

    def begin(self, ref: OperationRef) -> None:
        self.training.begin(ref)

    def succeed(self, ref: OperationRef) -> None:
        self.training.pull(ref, "")

    def fail(self, ref: OperationRef, reason: str) -> None:
        self.training.pull(ref, reason)

    def reclaim(self, ref: OperationRef) -> None:
        self.training.reclaim(ref)

    def settle(self, ref: OperationRef) -> None:
        self.training.settle(ref)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        return self.training.seen(ref)

    def created(self, capability: str) -> int:
        return len(self.training.instances())

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

    def _profile(self, iam: Any) -> None:
        policy = {"Version": "2012-10-17", "Statement": []}
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=PROFILE, AssumeRolePolicyDocument=json.dumps(policy))
            iam.create_instance_profile(InstanceProfileName=PROFILE)
            iam.add_role_to_instance_profile(InstanceProfileName=PROFILE, RoleName=PROFILE)


@contextmanager
def Ec2Bench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: an account, or, while another world is open, another owner in its account."""
    with AwsBench(folder) as aws:
        yield _Bench(aws)
