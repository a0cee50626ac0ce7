"""AWS as the conformance suite sees it: an emulated account, and an owner of its own in it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from blocks.contracts import (
    Contract,
    Unsupported,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch_levers import BatchLevers
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.endpoint_levers import IMAGE, QUICK, EndpointLevers
from blocks.providers.aws.model_levers import ModelLevers
from blocks.providers.aws.processing_levers import SageMakerProcessingLevers
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.training_levers import TrainingLevers
from blocks.providers.aws.watching_levers import WatchingLevers
from blocks.registry import implementation
from blocks.testing.levers import Levers
from blocks.testing.uploads import Uploads

C = TypeVar("C", bound=Contract)

_KINDS = ("training", "models", "batch", "endpoints", "processing", "watching")

_CONFIGURED: Mapping[str, Mapping[str, Any]] = {
    "batch": {"image": IMAGE},
    "endpoints": QUICK,
    "processing": {"image": IMAGE},
    "monitor": {"settle": 1},
}

KEY = "AKIAREHEARSAL"  # by which blocks call; levers have one of their own
GRACE = 2.0  # seconds that a container has after SIGTERM; SageMaker gives 120
SCALING_PERIOD = 1.0  # seconds that auto scaling looks at a time; AWS looks at 10
_open: list[launch.Account] = []  # the account of the worlds that are open now


class NotEmulated(AssertionError):
    """A world met calls that nothing in it could answer: the emulator has a hole."""


class _Bench(Levers):
    """Levers by capability; each kind of work has a module of its own."""

    def __init__(self, folder: Path, emulator: launch.Account) -> None:
        self.folder, self.emulator = folder, emulator
        self.account = _owner(emulator)
        self.levers_account = _with_key(self.account, "AKIALEVERS")
        self._bucket()
        uploads = Uploads(
            Objects(self.levers_account.client("s3")), self.levers_account.root, folder
        )
        self.training = TrainingLevers(self.levers_account, emulator, uploads)
        self.models = ModelLevers(emulator, uploads)
        self.batch = BatchLevers(self.levers_account, emulator, uploads)
        self.endpoints = EndpointLevers(self.levers_account, emulator, uploads)
        processing = SageMakerProcessingLevers(self.levers_account, emulator)
        watching = WatchingLevers(self.levers_account, emulator)
        kinds = (self.training, self.models, self.batch, self.endpoints, processing, watching)
        super().__init__("aws", dict(zip(_KINDS, kinds, strict=True)))

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("aws", contract)
        return cls(account=self.account.model_copy(), **_CONFIGURED.get(contract.capability, {}))

    def zone(self) -> str:
        """Return no zone: SageMaker takes one of the subnets that it is given."""
        return ""

    def running(self) -> Sequence[str]:
        """Return the names of this owner's live containers."""
        mine = self.account.named("")
        names = [each["name"] for each in self.emulator.running()]
        return sorted(name for name in names if mine in name)

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into Secrets Manager, or a new value into one that is there."""
        if not value:
            raise Unsupported("Secrets Manager keeps no empty value", code="EMPTY")
        secrets = self.levers_account.client("secretsmanager")
        with contextlib.suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(Name=name, SecretString=value)
            return
        secrets.put_secret_value(SecretId=name, SecretString=value)

    def _bucket(self) -> None:
        self.levers_account.client("s3").create_bucket(Bucket=self.account.bucket)


@contextmanager
def AwsBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: an account, or, while another world is open, another owner in its account."""
    if _open:
        yield _Bench(folder, _open[-1])
        return
    quick: dict[str, float] = {"grace": GRACE, "scaling_period": SCALING_PERIOD}
    with launch.account(folder / "aws", preloaded=True, **quick) as emulator:
        _open.append(emulator)
        try:
            yield _Bench(folder, emulator)
            if unknown := {each["call"] for each in emulator.unknown()}:
                raise NotEmulated(f"calls that the emulator does not know: {sorted(unknown)}")
        finally:
            _open.pop()


def _owner(emulator: launch.Account) -> AwsAccount:
    number = uuid.uuid4().hex[:12]
    return AwsAccount(
        region=emulator.region,
        endpoint_url=emulator.url,
        access_key_id=SecretStr(KEY),
        secret_access_key=SecretStr("rehearsal"),
        role_arn="arn:aws:iam::123456789012:role/bluewater-jobs",
        bucket=f"bluewater-{number}",
        owner=f"owner-{number}",
        subnets=(),
        security_groups=(),
        kms_key="",
        assume_role_arn="",
        prefix="bluewater",
    )


def _with_key(account: AwsAccount, key: str) -> AwsAccount:
    """Return the same owner under another key, so that a record tells blocks from levers."""
    settings = {name: getattr(account, name) for name in AwsAccount.model_fields}
    return AwsAccount(**{**settings, "access_key_id": SecretStr(key)})
