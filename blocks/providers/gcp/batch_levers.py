"""How the conformance suite moves the batch jobs of a Google Cloud project."""

from __future__ import annotations

from collections.abc import Mapping

from google.cloud.aiplatform_v1.services.job_service import JobServiceClient

from blocks.contracts import BatchRequest, OperationRef
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.batch import VertexBatch
from blocks.providers.gcp.batch_calls import KIND
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.endpoint_levers import IMAGE, MACHINE
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.training_calls import KIND_LABEL
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads


class BatchLevers(ByItself):
    """The batch part of the bench."""

    def __init__(self, account: GcpAccount, emulator: Project, uploads: Uploads) -> None:
        super().__init__(VertexBatch(account=account, image=IMAGE))
        self._account, self._emulator, self._uploads = account, emulator, uploads
        self.let_go = uploads.let_go

    def request(self, rows: int, kind: str) -> BatchRequest:
        """Return a request over a few files; for the same rows and kind the same one."""
        return self._uploads.batch_request(rows, kind, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine and leave no other."""
        self._emulator.pull("reclaim", job=ref.id, capacity=False)
        self.settle(ref)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the job reads."""
        found = Objects(self._account.storage).read(
            f"{self._account.root}/batch/{ref.token}/request.json"
        )
        if found is None:
            raise LookupError(f"no batch job {ref.id}")
        return dict(BatchRequest.model_validate_json(found[0]))

    def created(self) -> int:
        """Count this owner's jobs."""
        told = f'{self._account.mine} AND labels.{KIND_LABEL}="{KIND}"'
        asked = {"parent": self._account.parent, "filter": told}
        return len(list(self._account.client(JobServiceClient).list_custom_jobs(asked)))
