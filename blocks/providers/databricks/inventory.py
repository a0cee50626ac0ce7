"""Everything of ours in a Databricks workspace, by its name and its owner's tag."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from databricks.sdk.service.jobs import BaseRun, Run
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Denied, Inventory, ProviderError, Resource, Unavailable
from blocks.providers.databricks.account import OWNER_TAG, DatabricksWorkspace
from blocks.providers.databricks.batch import DatabricksBatch
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.lookup import cancel_run, found_run
from blocks.providers.databricks.runs import (
    BATCH,
    KIND_TAG,
    TRAINING,
    is_of,
    is_over,
    machines_of,
    tags_of,
)
from blocks.providers.databricks.training_calls import output_of

_KINDS: Mapping[str, str] = {f"{TRAINING}-job": TRAINING, f"{BATCH}-job": BATCH}
_STOPS_WITHIN = 180.0  # seconds; a cluster takes a while to go
_LOOK_EVERY = 0.5


class DatabricksInventory(Block, Inventory):
    """Lists and stops what was started under this owner; files and models stay.

    Runs are listed for the 60 days that Databricks remembers them.
    """

    _block_type_name = "Databricks inventory"
    _block_type_slug = "databricks-inventory"

    provider: ClassVar[str] = "databricks"

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Whose things."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        jobs = self.account.client(attempts=READS).jobs
        for run in jobs.list_runs(expand_tasks=True):
            if self._is_ours(run):
                yield self._resource(run)

    def _remove(self, resource: Resource) -> None:
        if resource.kind not in _KINDS:
            raise self._denied(resource)
        run = found_run(self.account, resource.id, patient=False)
        if run is None:
            return
        if not self._is_ours(run):
            raise self._denied(resource)
        if not is_over(run):
            cancel_run(self.account, resource.id)
            self._until_over(resource.id)

    def _resource(self, run: BaseRun) -> Resource:
        kind, running = tags_of(run).get(KIND_TAG) or TRAINING, not is_over(run)
        state = run.status.state.value if run.status and run.status.state else ""
        return Resource(
            kind=f"{kind}-job",
            id=str(run.run_id),
            name=str(run.run_name),
            created=datetime.fromtimestamp((run.start_time or 0) / 1000, UTC),
            running=running,
            detail=state,
            machines=(machines_of(run),) if running else (),
            output_uri=self._output_of(run, kind) if running else "",
        )

    def _output_of(self, run: BaseRun, kind: str) -> str:
        if kind == TRAINING:
            return output_of(run)
        asked = DatabricksBatch(account=self.account).request_of(run)
        return asked.output_uri if asked else ""

    def _until_over(self, id_: str) -> None:
        """See that a run stops. Raises Unavailable if it does not in time."""
        end = time.monotonic() + _STOPS_WITHIN
        while (run := found_run(self.account, id_)) is not None and not is_over(run):
            if time.monotonic() > end:
                raise Unavailable(f"run {id_} is there still", code="STILL_RUNNING")
            time.sleep(_LOOK_EVERY)

    def _is_ours(self, run: Run | BaseRun) -> bool:
        return is_of(run, self.account.owner, self.account.named(""))

    def _denied(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the tag {OWNER_TAG}="
            f"{self.account.owner}; remove it where it belongs",
            code="NOT_OURS",
        )
