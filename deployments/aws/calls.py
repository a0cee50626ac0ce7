"""``python -m deployments.aws.calls``: write down which calls a release makes in SageMaker.

It is played with every setting that an account can have.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from blocks.contracts import Contract
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.s3 import Objects
from blocks.registry import implementation
from deployments.aws.besides import besides
from deployments.calls import Place, Section, Words, page, play, prepare

C = TypeVar("C", bound=Contract)

PAGE = Path(__file__).with_name("CALLS.md")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/bluewater:1"
RELEASE = "AKIARELEASE"  # the key by which the release calls
WORDS = Words(
    name="SageMaker",
    intro=(
        "One release on SageMaker, played by `python -m deployments.aws.calls` in an emulated "
        "account with a network, a key and two variants. Every call that changes something is "
        "here as it goes over the wire, in order; a test plays the release again and compares, "
        "and holds each call against the service's published model."
    ),
    services=("sagemaker", "application-autoscaling"),
    is_read=lambda operation: operation.startswith(("Describe", "List", "Invoke")),
)
_IMAGES = ("endpoints", "batch", "processing")  # what takes an image


def played() -> Sequence[Section]:
    """Play a release in an account of its own and return what it called."""
    with tempfile.TemporaryDirectory() as scratch, _place(Path(scratch)) as (place, account):
        return list(play(place, Path(scratch), WORDS, besides=besides(account)))


def told() -> str:
    """Play a release, and return the page."""
    return page(played(), WORDS)


@contextmanager
def _place(folder: Path) -> Iterator[tuple[Place, AwsAccount]]:
    """Open an account in which the code, the data and a secret are; return it as it is reached."""
    with launch.account(folder / "aws", preloaded=True, grace=2.0) as emulator:
        given: dict[str, Any] = {
            "region": emulator.region,
            "endpoint_url": emulator.url,
            "secret_access_key": SecretStr("rehearsal"),
            "role_arn": "arn:aws:iam::123456789012:role/bluewater-jobs",
            "bucket": "models",
            "prefix": "bluewater",
            "owner": "team-a",
            "subnets": ("subnet-0a1b2c3d",),
            "security_groups": ("sg-0a1b2c3d",),
            "kms_key": "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d",
        }
        owner = AwsAccount(**given, access_key_id=SecretStr("AKIAOWNER"))
        owner.client("s3").create_bucket(Bucket=owner.bucket)
        owner.client("secretsmanager").create_secret(Name="api-key", SecretString="sesame")
        prepare(Objects(owner.client("s3")), owner.root)
        account = AwsAccount(**given, access_key_id=SecretStr(RELEASE))

        def connect(contract: type[C]) -> C:
            cls: Callable[..., C] = implementation("aws", contract)
            image = {"image": IMAGE} if contract.capability in _IMAGES else {}
            return cls(account=account, **image)

        place = Place(
            emulator=emulator,
            connect=connect,
            bucket=Objects(account.client("s3")),
            root=account.root,
            image=IMAGE,
            machine="ml.m5.large",
            key=RELEASE,
        )
        yield place, account


if __name__ == "__main__":
    PAGE.write_text(told())
    sys.stdout.write(f"{PAGE}\n")
