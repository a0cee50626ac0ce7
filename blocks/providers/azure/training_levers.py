"""How the conformance suite moves jobs of Azure Machine Learning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import psutil

from blocks.contracts import OperationRef
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.jobs import TRAINING, kind_of
from blocks.providers.azure.training import AzureTraining
from blocks.providers.azure.training_calls import limit_of
from blocks.testing.live_training import LiveTraining
from blocks.testing.uploads import Uploads


class TrainingLevers(LiveTraining):
    """The training part of the bench: what lost its machine, it gives up at the first look."""

    starter: ClassVar[str] = "blocks.workload.start"
    image: ClassVar[str] = "registry.azurecr.io/bluewater-trainer:1"
    machine: ClassVar[str] = "Standard_D4s_v3"

    def __init__(self, account: AzureAccount, emulator: Subscription, uploads: Uploads) -> None:
        jobs = AzureTraining(account=account, spot_wait=timedelta(0))
        super().__init__(jobs, emulator, uploads)
        self._account = account

    def created(self) -> int:
        """Count this owner's jobs."""
        mine = self._account.named("")
        jobs = self._account.ml().jobs.list()
        return sum(job.name.startswith(mine) and kind_of(job) == TRAINING for job in jobs)

    def _told(self, ref: OperationRef, got: Mapping[str, str]) -> Mapping[str, object]:
        job = self._job(ref)
        theirs = [name for name in job.environment_variables if "BLUEWATER" not in name]
        return {
            "image": self._image(job),
            "source_uri": job.inputs["source"].path,
            "env": {name: got[name] for name in theirs},
            "machine": job.resources.instance_type,
            "spot": (job.queue_settings.job_tier or "").lower() == "spot",
            "data_uri": job.inputs["data"].path,
            "checkpoint_uri": self._uri(job.outputs["checkpoints"].path),
            "output_uri": self._uri(job.outputs["output"].path),
            "max_duration": limit_of(job),
        }

    def _image(self, job: Any) -> str:
        name, _, version = str(job.environment).rpartition(":")
        found = self._account.ml().environments.get(name.removeprefix("azureml:"), version)
        return str(found.image)

    def _uri(self, path: str) -> str:
        inside = path.partition("/paths/")[2].removeprefix(f"{self._account.prefix}/")
        return f"{self._account.root}/{inside}"

    def _command(self, ref: OperationRef) -> psutil.Process | None:
        return super()._command(ref) if self._job(ref).status == "Running" else None

    def _job(self, ref: OperationRef) -> Any:
        return self._account.ml().jobs.get(ref.id)
