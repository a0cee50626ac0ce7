"""The whole of a release, in one value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field

from blocks.contracts import Frozen
from tasks.approval.spec import ApprovalSpec
from tasks.costs.spec import BudgetSpec
from tasks.data import DataSpec
from tasks.evaluation.spec import EvaluationSpec
from tasks.processing.spec import NearSpec
from tasks.rollout.spec import RolloutSpec
from tasks.training.spec import TrainingSpec
from tasks.validation.spec import ValidationSpec
from tasks.watch.spec import WatchSpec

PLACES = (
    ("data", "train"),
    ("data", "holdout"),
    ("data", "recent"),
    ("validation", "suite"),
    ("validation", "batch_suite"),
    ("training", "source"),
    ("rollout", "smoke_request"),
)
"""Fields that hold the URI of something which has to be there."""


class ReleaseSpec(Frozen):
    """The whole of a release: from data to a model version that serves."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,40}$",
        description="Name of the model in the registry, e.g. flights.",
    )
    alias: str = Field(
        default="champion",
        pattern=r"^[a-z][a-z0-9-]{0,40}$",
        description="Name that the registry gives to the version that serves.",
    )
    data: DataSpec = Field(description="Data sets, and what their columns mean.")
    validation: ValidationSpec = Field(description="What the data must keep.")
    training: TrainingSpec = Field(description="What to train, and where.")
    evaluation: EvaluationSpec = Field(
        default=EvaluationSpec(), description="What a new model must show before it may serve."
    )
    rollout: RolloutSpec = Field(description="How it takes over the endpoint.")
    approval: ApprovalSpec | None = Field(
        default=None, description="Wait for somebody's yes before a version gets traffic."
    )
    watch: WatchSpec = Field(
        default=WatchSpec(), description="What to look for afterwards, in live traffic."
    )
    budget: BudgetSpec | None = Field(
        default=None, description="What all of it may cost; over that nothing is started."
    )
    tags: Mapping[str, str] = Field(
        default={}, description="Words kept with the model version, e.g. the code revision."
    )

    def places(self) -> list[tuple[str, str]]:
        """Return the fields that name something which has to be there, and the URI in each."""
        found = [
            (f"{section}.{field}", getattr(getattr(self, section), field))
            for section, field in PLACES
        ]
        return [(field, uri) for field, uri in found if uri is not None]

    def near(self) -> list[NearSpec]:
        """Return the machines that do a part of the release near the data."""
        asked = (self.validation.near, self.evaluation.near, self.watch.profile_near)
        return [each for each in asked if each is not None]

    @property
    def longest_job(self) -> timedelta:
        """The longest time that one of its jobs may take."""
        return max([self.training.longest, *(each.max_duration for each in self.near())])

    def digest(self) -> str:
        """Return a short name for exactly this specification."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]
