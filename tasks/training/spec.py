"""What to train, on which machines, and how much bad luck is allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, model_validator

from blocks.contracts import Frozen, Study, added_field


class SpotSpec(Frozen):
    """How to use machines that the provider may take back at any moment."""

    checkpoints: bool = Field(
        default=True, description="The training code saves and resumes through blocks.workload."
    )
    expected_hours: float | None = Field(
        default=None, gt=0, description="Hours the training takes without interruption, if known."
    )
    interruptions_per_hour: float = Field(
        default=0.05, gt=0, description="How often such machines are taken back, per hour."
    )
    interruptions_allowed: int = Field(
        default=5, ge=0, description="Attempts that may be lost before the run gives up."
    )
    last_on_demand: bool = Field(
        default=True, description="The last attempt runs on a machine nobody takes back."
    )
    capacity_wait: timedelta = Field(
        default=timedelta(minutes=30),
        description="How long to wait for capacity before on-demand is taken, or the run ends.",
    )
    deadline: timedelta | None = Field(
        default=None,
        description="Time from the start of the training to the model, e.g. PT8H. With it, each "
        "attempt is decided by the spot policy, on-demand in time; needs expected_hours.",
    )
    machines: tuple[str, ...] = Field(
        default=(), description="Other machine types that do the work as fast, for the policy."
    )
    zones: tuple[str, ...] = Field(
        default=(), description="Zones of the provider to choose from, for the policy."
    )
    checkpoint_gb: float | None = Field(
        default=None, ge=0, description="Size of a checkpoint in GB; measured if it is not given."
    )
    egress_per_gb: float = Field(
        default=0.02, ge=0, description="Price of bringing a GB of checkpoint to another zone."
    )
    launch: timedelta = Field(
        default=timedelta(minutes=5),
        description="Time from a launch to the first progress, restoring a checkpoint included.",
    )
    save: timedelta = added_field(
        timedelta(seconds=10),
        gt=timedelta(0),
        description="Longest time that saving a checkpoint takes; with a deadline, what a machine "
        "that is taken back may undo is reckoned by it.",
    )

    @model_validator(mode="after")
    def _in_time(self) -> SpotSpec:
        if self.deadline is None:
            if self.machines or self.zones:
                raise ValueError(
                    "machines and zones are chosen by the spot policy; give it a deadline"
                )
            return self
        if self.expected_hours is None:
            raise ValueError("a deadline needs expected_hours: the work cannot be guessed")
        least = timedelta(hours=self.expected_hours) + self.launch
        if self.deadline < least:
            raise ValueError(f"deadline {self.deadline}: even on-demand takes {least}")
        return self

    @model_validator(mode="after")
    def _resumes(self) -> SpotSpec:
        if not self.checkpoints:
            hours = self.expected_hours or 1.0
            billed = expected_billed_hours(hours, self.interruptions_per_hour)
            raise ValueError(
                f"spot without checkpoints: {hours:g} h of work are expected to bill {billed:,.1f} "
                f"h at {self.interruptions_per_hour:g} interruptions per hour, since every one "
                "starts it from the beginning; save checkpoints, or leave `spot` out"
            )
        return self


class TrainingSpec(Frozen):
    """What to train, on which machines, and how much bad luck is allowed."""

    source: str = Field(
        description="URI of the folder with the training code, e.g. s3://lake/code/."
    )
    command: tuple[str, ...] = Field(
        default=("python", "train.py"),
        min_length=1,
        description="What runs in a copy of that folder.",
    )
    image: str = Field(default="", description="Container image; empty on this machine.")
    parameters: Mapping[str, str] = Field(default={}, description="Hyperparameters, by name.")
    env: Mapping[str, str] = Field(default={}, description="Environment variables, no secrets.")
    secrets: Mapping[str, str] = Field(
        default={}, description="Environment variable and the name of the secret that fills it."
    )
    machine: str = Field(default="local.medium", description="Machine type of the provider.")
    nodes: int = Field(default=1, ge=1, description="Machines that train together.")
    spot: SpotSpec | None = Field(
        default=None, description="Use cheap machines that may be taken back; empty for on-demand."
    )
    expected_hours: float | None = Field(
        default=None,
        gt=0,
        description="Hours the training takes on-demand, if known; for the plan's costs.",
    )
    failures_allowed: int = Field(
        default=0, ge=0, description="Times the training code itself may fail and be tried again."
    )
    max_duration: timedelta = Field(
        default=timedelta(hours=12),
        description="Longest time that one attempt may take, or one trial of a study.",
    )
    study: Study | None = added_field(
        None,
        description="Search hyperparameters; the best trial's model goes on. Empty: train once.",
    )

    @model_validator(mode="after")
    def _searched(self) -> TrainingSpec:
        if self.study is None:
            return self
        fixed = sorted({*self.study.parameters} & {*self.parameters})
        if fixed:
            raise ValueError(f"parameters that the study searches are fixed, too: {fixed}")
        if self.spot is not None and self.spot.deadline is not None:
            raise ValueError("a study has no deadline: the spot policy decides for one job alone")
        return self

    @property
    def longest(self) -> timedelta:
        """The longest time that one attempt may take, with all trials of a study."""
        return self.max_duration * (self.study.rounds if self.study else 1)

    @property
    def trials(self) -> int:
        """How often the command runs in one attempt."""
        return self.study.trials if self.study else 1


def expected_billed_hours(work: float, interruptions_per_hour: float) -> float:
    """Return the mean hours billed until ``work`` hours fit between two interruptions.

    Interruptions are a Poisson process and each restarts the work: (exp(l w) - 1) / l,
    Ross, Introduction to Probability Models, section 3.5. Infinite where the float overflows.
    """
    exponent = interruptions_per_hour * work
    return math.expm1(exponent) / interruptions_per_hour if exponent < 700 else math.inf
