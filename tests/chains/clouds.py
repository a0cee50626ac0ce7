"""What chains have to know of each cloud that can be rehearsed whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A cloud's machine, and its words for what is done to it."""

    machine: str
    creates_a_job: str  # the call that makes a training job
    permission: str  # that this call takes
    served_on: str = ""  # the machine of endpoints, where it is another one
    limits: tuple[str, ...] = ()  # what has to be changed besides, for what it does not offer
    restarts: bool = True  # a job that lost its machine goes on by itself; else another attempt

    @property
    def machines(self) -> tuple[str, ...]:
        """The changes of a specification that let everything run on its machines."""
        served_on = self.served_on or self.machine
        machines = f"training.machine={self.machine}", f"rollout.machine={served_on}"
        return *machines, *self.limits


CLOUDS = {
    "aws": Cloud(
        machine="ml.m5.large",
        creates_a_job="sagemaker:CreateTrainingJob",
        permission="sagemaker:CreateTrainingJob",
    ),
    "aws-ec2": Cloud(
        machine="m5.large",
        served_on="ml.m5.large",
        creates_a_job="ec2:RunInstances",
        permission="ec2:RunInstances",
    ),
    "aws-lambda": Cloud(
        machine="ml.m5.large",
        served_on="lambda-1024",
        creates_a_job="sagemaker:CreateTrainingJob",
        permission="sagemaker:CreateTrainingJob",
        limits=("rollout.capture={sample: 0}",),
    ),
    "gcp": Cloud(
        machine="n1-standard-4",
        creates_a_job="aiplatform:CreateCustomJob",
        permission="aiplatform.customJobs.create",
    ),
    "databricks": Cloud(
        machine="m5.xlarge",
        served_on="CPU",
        creates_a_job="jobs:submit",
        permission="allow-cluster-create",
        restarts=False,
    ),
    "azure": Cloud(
        machine="Standard_D4s_v3",
        creates_a_job="ml:Jobs.CreateOrUpdate",
        permission="Microsoft.MachineLearningServices/workspaces/jobs/write",
    ),
    "azure-kubernetes": Cloud(
        machine="Standard_D4s_v3",
        served_on="defaultinstancetype",
        creates_a_job="ml:Jobs.CreateOrUpdate",
        permission="Microsoft.MachineLearningServices/workspaces/jobs/write",
    ),
    "gcp-run": Cloud(
        machine="n1-standard-4",
        served_on="run-1-2048",
        creates_a_job="aiplatform:CreateCustomJob",
        permission="aiplatform.customJobs.create",
    ),
}
