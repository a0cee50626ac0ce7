"""An emulated AWS account for rehearsals: the real SDK, real work, no account and no cent."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from pydantic import SecretStr

from blocks.contracts import OperationRef, Phase, ProviderError
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.images import IMAGE as IMAGE_NAMED
from blocks.providers.aws.permissions import allowed_actions
from blocks.providers.aws.training import SageMakerTraining
from blocks.rehearsal import Calls
from blocks.spot_trace import Tape, load
from blocks.workspace import HOME

BUCKET, OWNER = "bluewater-rehearsal", "rehearsal"
ROLE = "arn:aws:iam::123456789012:role/bluewater-jobs"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/bluewater:1"
RELEASE = "AKIARELEASE"  # the key by which the release calls
SETTING_UP = "AKIASETTINGUP"  # whose calls are those of the rehearsal itself
GRACE = 10.0  # seconds between the notice and the end of a machine; SageMaker gives 120
RECLAIM, MIDDLE = "spot-reclaim", 0.4  # share of the work after which the machine is taken

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


class AwsRehearsal:
    """An account of AWS that lives as long as the rehearsal. ``emulator`` has its levers."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot job is taken away in the middle of its training",
        "throttling": "three calls of SageMaker's control plane are throttled",
        "unavailable": "two calls find SageMaker's control plane unavailable",
        "lost-reply": "two creates are done, and their replies are lost",
        "lost-request": "two creates never arrive",
        "internal-error-after": "two creates are done, and answered with an internal error",
        "stale-read": "two describes do not know what was just created",
        "capacity-error": "a job never gets its machine",
        "failed-health-check": "a container of the endpoint never answers the ping",
    }

    def __init__(
        self,
        folder: Path,
        *,
        faults: Sequence[str] = (),
        spot_trace: Path | None = None,
        permissions: Path | None = None,
    ) -> None:
        self._folder, self._wanted, self._trace = folder, tuple(faults), spot_trace
        self._allowed = None if permissions is None else allowed_actions(permissions)
        self._stack = ExitStack()
        self._market: _Market | None = None

    def __enter__(self) -> Self:
        settings: dict[str, Any] = {"grace": GRACE}
        self.emulator = self._stack.enter_context(launch.account(self._folder / "aws", **settings))
        self._account = AwsAccount(
            region=self.emulator.region,
            endpoint_url=self.emulator.url,
            access_key_id=SecretStr(SETTING_UP),
            secret_access_key=SecretStr("rehearsal"),
            role_arn=ROLE,
            bucket=BUCKET,
            owner=OWNER,
        )
        self._account.client("s3").create_bucket(Bucket=BUCKET)
        if self._allowed is not None:
            self.emulator.pull("policy", key=RELEASE, actions=list(self._allowed))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

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
        }

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into Secrets Manager."""
        self._account.client("secretsmanager").create_secret(Name=name, SecretString=value)

    def strike(self) -> None:
        """Let the faults that were asked for happen from now on."""
        for name in (each for each in self._wanted if each != RECLAIM):
            self.emulator.fault(name, **FAULTS[name])
        once, tape = RECLAIM in self._wanted, load(self._trace) if self._trace else None
        if once or tape is not None:
            jobs = SageMakerTraining(account=self._account, image=IMAGE)
            market = _Market(jobs, self.emulator, once=once, tape=tape)
            self._market = self._stack.enter_context(market)

    def calls(self) -> Sequence[Calls]:
        """Return how often each operation was called, and how often in vain."""
        found: dict[tuple[str, str, str], list[bool]] = {}
        for call in self.emulator.calls():
            caller = "a container" if call["key"] == launch.CONTAINERS else "the release"
            if call["key"] != SETTING_UP:
                name = (str(call["call"]), str(call["action"]), caller)
                found.setdefault(name, []).append(not 0 < call["status"] < 400)
        return [
            Calls(
                operation=operation,
                permission=action,
                caller=caller,
                times=len(refused),
                refused=sum(refused),
            )
            for (operation, action, caller), refused in found.items()
        ]

    def met(self) -> Mapping[str, int]:
        """Return how often each fault has struck."""
        coming = {each["name"]: each["times"] for each in self.emulator.pull("faults")}
        met = {
            name: FAULTS[name]["times"] - coming.get(name, 0)
            for name in self._wanted
            if name != RECLAIM
        }
        taken = len(self._market.taken) if self._market else 0
        return {**met, RECLAIM: taken} if taken or RECLAIM in self._wanted else met

    def left(self) -> Sequence[str]:
        """Return the containers that run."""
        return sorted(each["name"] for each in self.emulator.running())


class _Market:
    """Takes the machines of spot jobs: one in the middle of its training, or as a trace says."""

    def __init__(
        self, jobs: SageMakerTraining, emulator: launch.Account, *, once: bool, tape: Tape | None
    ) -> None:
        self._jobs, self._emulator, self._once, self._tape = jobs, emulator, once, tape
        self._began = time.monotonic()
        self._first_seen: dict[str, float] = {}  # spot jobs, in the order of their machines
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.taken: list[str] = []  # jobs whose machines were taken

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.3):
            for name in self._emulator.training_jobs():
                if name not in self.taken and self._is_due(name):
                    self._emulator.pull("reclaim", job=name)
                    self.taken.append(name)

    def _is_due(self, name: str) -> bool:
        done = self._done(name)
        if done is None:
            return False
        now = time.monotonic()
        seen = self._first_seen.setdefault(name, now)
        if self._once and not self.taken and done >= MIDDLE:
            return True
        tape = self._tape
        if tape is None:
            return False
        if tape.data:
            return not tape.tick(now - self._began)
        number = list(self._first_seen).index(name)
        return number < len(tape.lifetimes) and now - seen >= tape.lifetimes[number]

    def _done(self, name: str) -> float | None:
        """Return the share that a spot job which runs has done; None for anything else."""
        ref = OperationRef(provider="aws", capability="training", id=name, token="")
        try:
            status = self._jobs.status(ref)
        except ProviderError:
            return None  # a fault of the rehearsal
        spot = status.usage is not None and status.usage.spot
        return (status.progress or 0.0) if spot and status.phase is Phase.RUNNING else None
