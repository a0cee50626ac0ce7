"""How the conformance suite moves custom jobs of Vertex AI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import CustomJob, Scheduling

from blocks.contracts import OperationRef
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.job_kinds import CUSTOM, TUNING
from blocks.providers.gcp.machines import from_machine_spec
from blocks.providers.gcp.training import VertexTraining
from blocks.providers.gcp.training_calls import KIND_LABEL, STUDY, TRAINING
from blocks.testing.live_training import LiveTraining, secrets_in
from blocks.testing.uploads import Uploads
from blocks.workload.vertex import SOURCE


class TrainingLevers(LiveTraining):
    """The training part of the bench."""

    starter: ClassVar[str] = "blocks.workload.vertex"
    image: ClassVar[str] = "us-docker.pkg.dev/rehearsal-project/bluewater/trainer:1"
    machine: ClassVar[str] = "n1-standard-4"

    def __init__(self, account: GcpAccount, emulator: Project, uploads: Uploads) -> None:
        super().__init__(VertexTraining(account=account), emulator, uploads)
        self._account = account

    def created(self) -> int:
        """Count this owner's jobs; a study is one."""
        client, parent = self._account.client(JobServiceClient), self._account.parent
        kinds = ((CUSTOM, TRAINING), (TUNING, STUDY))
        told = {
            label: f'{self._account.mine} AND labels.{KIND_LABEL}="{label}"' for _, label in kinds
        }
        return sum(len(list(kind.list(client, parent, told[label]))) for kind, label in kinds)

    def _told(self, ref: OperationRef, got: Mapping[str, str]) -> Mapping[str, object]:
        spec = self._described(ref).job_spec
        container = spec.worker_pool_specs[0].container_spec
        versions = secrets_in(got)
        return {
            "image": container.image_uri,
            "source_uri": got[SOURCE],
            "env": {each.name: got[each.name] for each in container.env if _is_theirs(each.name)},
            "secrets": {name: version.split("/")[3] for name, version in versions.items()},
            "machine": from_machine_spec(spec.worker_pool_specs[0].machine_spec),
            "spot": spec.scheduling.strategy == Scheduling.Strategy.SPOT,
            "data_uri": got["BLUEWATER_DATA"],
            "checkpoint_uri": got["BLUEWATER_CHECKPOINTS_COPY"],
            "output_uri": spec.base_output_directory.output_uri_prefix,
            "max_duration": spec.scheduling.timeout,
        }

    def _described(self, ref: OperationRef) -> CustomJob:
        name = f"{self._account.parent}/customJobs/{ref.id}"
        return self._account.client(JobServiceClient).get_custom_job(name=name)


def _is_theirs(name: str) -> bool:
    return "BLUEWATER" not in name
