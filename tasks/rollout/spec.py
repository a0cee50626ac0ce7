"""How a new model version takes over an endpoint."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator

from blocks.contracts import Capture, Frozen, Serving
from tasks.rollout.verdict import VerdictRules


class ShadowSpec(Frozen):
    """Copies of live requests go to the new version, whose answers nobody sees."""

    percent: int = Field(default=50, ge=1, le=100, description="Share of requests copied.")
    duration: timedelta = Field(
        default=timedelta(minutes=10), description="How long the copies are compared."
    )


class RolloutSpec(Frozen):
    """How a new model version takes over an endpoint."""

    endpoint: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,40}$",
        description="Name of the endpoint that callers use, e.g. flights.",
    )
    machine: str = Field(default="local.medium", description="Machine type that serves.")
    min_replicas: int = Field(default=1, ge=0, description="Copies that are always up.")
    max_replicas: int = Field(default=1, ge=1, description="Copies at most.")
    serving: Serving = Field(default=Serving(), description="What the endpoint promises and asks.")
    capture: Capture = Field(default=Capture(), description="Which requests are kept.")
    smoke_request: str = Field(
        description="URI of a JSON request that every version must answer with 200, e.g. "
        "s3://lake/request.json."
    )
    deploy_within: timedelta = Field(
        default=timedelta(minutes=30), description="How long a version may take to become ready."
    )
    shadow: ShadowSpec | None = Field(
        default=ShadowSpec(), description="Compare on copies of requests first; empty to skip."
    )
    steps: tuple[int, ...] = Field(
        default=(1, 5, 25, 50, 95, 100),
        description="Percentages of live traffic, rising to 100; before 100, some stay on the old.",
    )
    step_duration: timedelta = Field(
        default=timedelta(minutes=10), description="Least time at each step."
    )
    step_requests: int = Field(
        default=200, ge=1, description="Least number of live requests seen at each step."
    )
    patience: timedelta = Field(
        default=timedelta(hours=2),
        description="Longest time at a step; then on_little_traffic says what happens.",
    )
    on_little_traffic: Literal["return", "go_on", "hold"] = Field(
        default="return",
        description=(
            "What to do after that time, with no harm to see and not enough traffic to be sure: "
            "give everything back, go on all the same, or stay and keep looking until the traffic "
            "suffices or somebody takes the version back."
        ),
    )
    bake: timedelta = Field(
        default=timedelta(hours=1), description="How long the old version stays warm at the end."
    )
    bake_error_limit: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Share of errors at 100 percent that brings the old version back.",
    )
    look_every: timedelta = Field(
        default=timedelta(seconds=5), description="Time between two looks at the evidence."
    )
    rules: VerdictRules = Field(
        default=VerdictRules(), description="What counts as worse, and how sure to be."
    )

    @property
    def longest_silence(self) -> timedelta | None:
        """Longest time between two entries of the journal while somebody drives the rollout.

        None where a step may last for ever: ``on_little_traffic`` is ``hold``.
        """
        if self.on_little_traffic == "hold":
            return None
        shadow = self.shadow.duration if self.shadow else timedelta(0)
        waits = max(self.step_duration, self.patience, self.bake, shadow + self.patience)
        return waits + 2 * self.deploy_within  # a call that fails is repeated for that long

    @field_validator("steps")
    @classmethod
    def _rise(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        rising = all(one < two for one, two in pairwise(steps))
        if not steps or steps[0] < 1 or steps[-1] != 100 or not rising:
            raise ValueError(
                f"steps {list(steps)} must rise from at least 1 to 100, e.g. 1, 5, 25, 50, 95, 100"
            )
        return steps
