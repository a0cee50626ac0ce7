"""The whole of a release, in one value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import Field

from blocks.contracts import Frozen
from tasks.data import DataSpec
from tasks.evaluation.spec import EvaluationSpec
from tasks.rollout.spec import RolloutSpec
from tasks.training.spec import TrainingSpec
from tasks.validation.spec import ValidationSpec
from tasks.watch.spec import WatchSpec


class ReleaseSpec(Frozen):
    """The whole of a release: from data to a model version that serves."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,40}$", description="Name of the model in the registry."
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
    watch: WatchSpec = Field(
        default=WatchSpec(), description="What to look for afterwards, in live traffic."
    )
    tags: Mapping[str, str] = Field(
        default={}, description="Words kept with the model version, e.g. the code revision."
    )

    def digest(self) -> str:
        """Return a short name for exactly this specification."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]
