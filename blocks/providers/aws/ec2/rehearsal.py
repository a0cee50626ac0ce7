"""An emulated AWS account for rehearsals of releases that train on EC2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

from blocks.contracts import TrainingJobs
from blocks.emulation.rehearsing import RECLAIM
from blocks.providers.aws.account import OWNER_TAG
from blocks.providers.aws.ec2.machines import LOOK_EVERY, PROFILE, SYNC_EVERY
from blocks.providers.aws.ec2.profiles import make_profile
from blocks.providers.aws.ec2.training import Ec2Training
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.rehearsal import GRACE, OWNER, AwsRehearsal

NOTICE = 10.0  # seconds between the notice and the end of a spot machine; EC2 gives 120
_PROFILE = "bluewater-training"


class Ec2Rehearsal(AwsRehearsal):
    """An account whose training jobs have machines of EC2; all else of AWS is beside them."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot job is taken away in the middle of its training",
        "throttling": "three calls of EC2 are throttled",
        "unavailable": "two calls find EC2 unavailable",
        "lost-reply": "a machine is started, and the reply is lost",
        "lost-request": "a call for a machine never arrives",
        "internal-error-after": "a machine is started, and the call ends with an internal error",
        "stale-read": "two describes do not know the machine that was just started",
        "no-capacity": "there is no such machine when it is asked for the first time",
    }
    strikes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "throttling": {"call": "ec2:*", "times": 3},
        "unavailable": {"call": "ec2:*", "times": 2},
        "lost-reply": {"call": "ec2:RunInstances", "times": 1},
        "lost-request": {"call": "ec2:RunInstances", "times": 1},
        "internal-error-after": {"call": "ec2:RunInstances", "times": 1},
        "stale-read": {"call": "ec2:DescribeInstances", "times": 2},
        "no-capacity": {"times": 1},
    }
    settings: ClassVar[Mapping[str, float]] = {"grace": GRACE, "notice": NOTICE}

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which AWS blocks, and the SDK, find this account."""
        often = {LOOK_EVERY: "0.5", SYNC_EVERY: "0.5"}  # seconds: what it trains takes a few
        return {**super().environment(), PROFILE: _PROFILE, **often}

    def _begin(self, stack: ExitStack) -> launch.Account:
        emulator = super()._begin(stack)
        make_profile(self._account.client("iam"), _PROFILE)
        return emulator

    def _jobs(self) -> TrainingJobs:
        return Ec2Training(account=self._account)

    def _training(self) -> Sequence[str]:
        return list(self._machines())

    def _reclaim(self, job: str) -> None:
        if instance := self._machines().get(job):  # it may have ended at this moment
            self.emulator.pull("ec2-reclaim", instance=instance)

    def _machines(self) -> Mapping[str, str]:
        """Return the spot machines that run, by the names of their jobs."""
        return {
            each["tags"]["Name"]: each["id"]
            for each in self.emulator.pull("ec2-instances")
            if each["spot"] and each["state"] == "running"
            if each["tags"].get(OWNER_TAG) == OWNER
        }
