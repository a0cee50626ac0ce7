"""An emulated AWS account for rehearsals: the real SDK, real work, no account and no cent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from blocks.contracts import TrainingJobs
from blocks.emulation.rehearsing import RECLAIM, EmulatedRehearsal
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.images import IMAGE as IMAGE_NAMED
from blocks.providers.aws.monitor import SETTLE
from blocks.providers.aws.permissions import allowed_actions
from blocks.providers.aws.training import SageMakerTraining
from blocks.workspace import HOME

BUCKET, OWNER = "bluewater-rehearsal", "rehearsal"
ROLE = "arn:aws:iam::123456789012:role/bluewater-jobs"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/bluewater:1"
RELEASE = "AKIARELEASE"  # the key by which the release calls
SETTING_UP = "AKIASETTINGUP"  # whose calls are those of the rehearsal itself
GRACE = 10.0  # seconds between the notice and the end of a machine; SageMaker gives 120
PATIENCE = 5.0  # seconds that a spot job waits for a machine that never comes

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "throttling": {"call": "sagemaker:[!I]*", "times": 3},
    "unavailable": {"call": "sagemaker:[!I]*", "times": 2},
    "lost-reply": {"call": "sagemaker:Create*", "times": 2},
    "lost-request": {"call": "sagemaker:Create*", "times": 2},
    "internal-error-after": {"call": "sagemaker:Create*", "times": 2},
    "stale-read": {"call": "sagemaker:Describe*", "times": 2},
    "capacity-error": {"times": 1},
    "failed-health-check": {"times": 1},
}
"""What each fault strikes in a rehearsal, and how often."""


class AwsRehearsal(EmulatedRehearsal[launch.Account]):
    """An account of AWS that lives as long as the rehearsal. ``emulator`` has its levers."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot job is taken away in the middle of its training",
        "throttling": "three calls of SageMaker's control plane are throttled",
        "unavailable": "two calls find SageMaker's control plane unavailable",
        "lost-reply": "two creates are done, and their replies are lost",
        "lost-request": "two creates never arrive",
        "internal-error-after": "two creates are done, and answered with an internal error",
        "stale-read": "two describes do not know what was just created",
        "capacity-error": "a job never gets its machine, and gives up after seconds, not days",
        "failed-health-check": "a container of the endpoint never answers the ping",
    }

    strikes: ClassVar[Mapping[str, Mapping[str, Any]]] = FAULTS
    setting_up: ClassVar[str] = SETTING_UP
    containers: ClassVar[str] = launch.CONTAINERS
    settings: ClassVar[Mapping[str, float]] = {"grace": GRACE, "patience": PATIENCE}

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which AWS blocks, and the SDK, find this account."""
        return {
            HOME: str(self._folder / "workspace"),
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_REGION": self.emulator.region,
            "AWS_ACCESS_KEY_ID": RELEASE,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_EC2_METADATA_DISABLED": "true",
            "BLUEWATER_AWS_BUCKET": BUCKET,
            "BLUEWATER_AWS_ROLE": ROLE,
            "BLUEWATER_OWNER": OWNER,
            IMAGE_NAMED: IMAGE,
            SETTLE: "2",  # lines of the log are there at once
        }

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into Secrets Manager."""
        self._account.client("secretsmanager").create_secret(Name=name, SecretString=value)

    def _permitted(self, policy: Path) -> tuple[str, ...]:
        return allowed_actions(policy)

    def _begin(self, stack: ExitStack) -> launch.Account:
        settings = dict[str, Any](self.settings)
        account = launch.account(self._folder / "aws", preloaded=self.preloaded, **settings)
        emulator = stack.enter_context(account)
        self._account = AwsAccount(
            region=emulator.region,
            endpoint_url=emulator.url,
            access_key_id=SecretStr(SETTING_UP),
            secret_access_key=SecretStr("rehearsal"),
            role_arn=ROLE,
            bucket=BUCKET,
            owner=OWNER,
        )
        self._account.client("s3").create_bucket(Bucket=BUCKET)
        if self._allowed is not None:
            emulator.pull("policy", key=RELEASE, actions=list(self._allowed))
        return emulator

    def _jobs(self) -> TrainingJobs:
        return SageMakerTraining(account=self._account, image=IMAGE)
