"""How the conformance suite moves the batch runs of a workspace."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.contracts import BatchRequest, OperationRef
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.batch import DatabricksBatch
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.clusters import is_spot
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.runs import BATCH, is_of, task_of
from blocks.testing.by_itself import ByItself
from blocks.testing.uploads import Uploads

IMAGE, MACHINE = "registry.example.com/bluewater:1", "m5.xlarge"


class BatchLevers(ByItself):
    """The batch part of the bench."""

    def __init__(self, account: DatabricksWorkspace, emulator: Workspace, uploads: Uploads) -> None:
        self._jobs = DatabricksBatch(account=account, image=IMAGE)
        super().__init__(self._jobs)
        self._account, self._emulator, self._uploads = account, emulator, uploads
        self.let_go = uploads.let_go

    def request(self, rows: int, kind: str) -> BatchRequest:
        """Return a request over a few files; for the same rows and kind the same one."""
        return self._uploads.batch_request(rows, kind, machine=MACHINE)

    def reclaim(self, ref: OperationRef) -> None:
        """Take the machine."""
        self._emulator.pull("reclaim", job=ref.id)
        self.settle(ref)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the run reads, and what it is on."""
        run = self._account.client(attempts=READS).jobs.get_run(int(ref.id))
        request, cluster = self._jobs.request_of(run), task_of(run).new_cluster
        if request is None or cluster is None:
            raise LookupError(f"no batch run {ref.id}")
        return {**dict(request), "spot": is_spot(cluster), "machine": cluster.node_type_id}

    def created(self) -> int:
        """Count this owner's runs."""
        mine, owner = self._account.named(""), self._account.owner
        runs = self._account.client(attempts=READS).jobs.list_runs(expand_tasks=True)
        return sum(is_of(run, owner, mine, BATCH) for run in runs)
