"""What chains have to know of each cloud that can be rehearsed whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A cloud's machine, and its words for what is done to it."""

    machine: str
    creates_a_job: str  # the call that makes a training job
    permission: str  # that this call takes

    @property
    def machines(self) -> tuple[str, str]:
        """The changes of a specification that let everything run on that machine."""
        return f"training.machine={self.machine}", f"rollout.machine={self.machine}"


CLOUDS = {
    "aws": Cloud(
        machine="ml.m5.large",
        creates_a_job="sagemaker:CreateTrainingJob",
        permission="sagemaker:CreateTrainingJob",
    ),
    "gcp": Cloud(
        machine="n1-standard-4",
        creates_a_job="aiplatform:CreateCustomJob",
        permission="aiplatform.customJobs.create",
    ),
}
