"""How the conformance suite moves the batch jobs of a workspace."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.contracts import BatchRequest, OperationRef
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.batch import AzureBatch
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.jobs import BATCH, kind_of
from blocks.providers.azure.objects import Objects
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads

IMAGE, MACHINE = "registry.azurecr.io/bluewater:1", "Standard_D4s_v3"


class BatchLevers(ByItself):
    """The batch part of the bench."""

    def __init__(self, account: AzureAccount, emulator: Subscription, uploads: Uploads) -> None:
        super().__init__(AzureBatch(account=account, image=IMAGE))
        self._account, self._emulator, self._uploads = account, emulator, uploads
        self.let_go = uploads.let_go

    def request(self, rows: int, kind: str) -> BatchRequest:
        """Return a request over a few files; for the same rows and kind the same one."""
        return self._uploads.batch_request(rows, kind, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Let the machine break; nothing else takes a machine from a job on demand."""
        self._emulator.pull("reclaim", job=ref.id)
        self.settle(ref)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the job reads."""
        found = Objects(self._account).read(f"{self._account.root}/batch/{ref.id}/request.json")
        if found is None:
            raise LookupError(f"no batch job {ref.id}")
        return dict(BatchRequest.model_validate_json(found[0]))

    def created(self) -> int:
        """Count this owner's jobs."""
        mine = self._account.named("")
        jobs = self._account.ml().jobs.list()
        return sum(job.name.startswith(mine) and kind_of(job) == BATCH for job in jobs)
