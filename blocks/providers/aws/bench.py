"""AWS as the conformance suite sees it: an emulated account, and an owner of its own in it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from blocks.contracts import Unsupported
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch_levers import BatchLevers
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.endpoint_levers import IMAGE, QUICK, EndpointLevers
from blocks.providers.aws.model_levers import ModelLevers
from blocks.providers.aws.processing_levers import SageMakerProcessingLevers
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.training_levers import TrainingLevers
from blocks.providers.aws.watching_levers import WatchingLevers
from blocks.testing.uploads import Uploads
from blocks.testing.worlds import EmulatedBench, Worlds

_KINDS = ("training", "models", "batch", "endpoints", "processing", "watching")

KEY = "AKIAREHEARSAL"  # by which blocks call; levers have one of their own
GRACE = 10.0  # seconds that a container has after SIGTERM; SageMaker gives 120
SCALING_PERIOD = 1.0  # seconds that auto scaling looks at a time; AWS looks at 10


class _Bench(EmulatedBench):
    """Levers by capability; each kind of work has a module of its own."""

    configured: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "batch": {"image": IMAGE},
        "endpoints": QUICK,
        "processing": {"image": IMAGE},
        "monitor": {"settle": 1},
    }

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


def _cloud(folder: Path) -> AbstractContextManager[launch.Account]:
    return launch.account(
        folder / "aws", preloaded=True, grace=GRACE, scaling_period=SCALING_PERIOD
    )


AwsBench = Worlds(_cloud, _Bench)
"""Opens a world below a folder."""


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
