"""Training on Databricks: one-time runs on a cluster of their own, on demand or on spot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import ClassVar

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.compute import TerminationReason
from databricks.sdk.service.jobs import Run
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud import kit
from blocks.contracts import (
    Idempotency,
    InvalidRequest,
    LogLine,
    NotFound,
    OperationRef,
    OperationStatus,
    ProviderError,
    TrainingFeatures,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clusters import RUNTIME
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.images import instance_pools, named_job, training_image
from blocks.providers.databricks.joblog import last_lines, lines_of
from blocks.providers.databricks.lookup import (
    cancel_run,
    found_run,
    reason_of_cluster,
    submitted,
)
from blocks.providers.databricks.placement import Placement, pool_for, require_placeable
from blocks.providers.databricks.places import path_of
from blocks.providers.databricks.runs import is_over
from blocks.providers.databricks.secret import DatabricksSecrets
from blocks.providers.databricks.training_calls import (
    START,
    Seen,
    Shipped,
    from_run,
    notes_of,
    notes_of_run,
    output_of,
    progress_of,
    to_plan,
    to_submit,
    token_of,
)
from blocks.providers.databricks.volumes import Volumes
from blocks.workload import Outcome, UnreadableOutcome, outcome_name, parse_outcome
from blocks.workload.databricks import LOG, PLAN, PROGRESS


class DatabricksTraining(Block, TrainingJobs):
    """Runs Python tasks on job clusters; a run that lost its machine is over, the next goes on.

    The machine ``serverless`` is Databricks' own: no spot, no GPU, no image, and no variables with
    secrets. Its price is in no book here, since it is metered.
    """

    _block_type_name = "Databricks training"
    _block_type_slug = "databricks-training"

    provider: ClassVar[str] = "databricks"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.NATIVE,
        spot=True,
        multi_node=False,  # several machines are Spark's there, and not the command's
        zones=False,  # the workspace chooses
        studies=False,
        max_duration=None,
    )

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Where and as whom."
    )
    image: str = Field(
        default_factory=training_image,
        description="Image of runs whose request names none; empty: the runtime as it is.",
    )
    job: str = Field(
        default_factory=named_job,
        description="Name of a job in the workspace whose runs these are, so that its page shows "
        "all attempts; empty: one-time runs.",
        pattern=r"^[\w-]{0,100}$",
    )
    runtime: str = Field(default=RUNTIME, description="Version of Databricks' runtime.")
    pools: Sequence[str] = Field(
        default_factory=instance_pools,
        description="Ids of instance pools: a run on the machine of one, on spot or not as that "
        "is, takes it from there; others have a cluster of their own.",
    )
    dependencies: Sequence[str] = Field(
        default=(),
        description="What runs on the machine 'serverless' need installed, as pip writes it.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        image = request.image or self.image
        require_placeable(request, image)
        self._look_at(request)
        call = to_submit(
            request,
            token,
            account=self.account,
            shipped=self._shipped,
            placement=Placement(
                cloud=self.account.cloud,
                image=image,
                runtime=self.runtime,
                pool=pool_for(self.account, self.pools, request.machine, spot=request.spot),
                dependencies=self.dependencies,
            ),
        )
        plan = f"{notes_of(request, token)}/{PLAN}"
        self._volumes.write(plan, to_plan(request, token).to_json())
        return self._reference(
            submitted(self.account, call, job=self.job), token, workspace=self.account.host
        )

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        run = self._described(ref.id)
        notes = notes_of_run(run)
        told = self._volumes.read(f"{notes}/{PROGRESS}")
        progress = progress_of(told[0]) if told else None
        if not is_over(run):
            return from_run(run, Seen(progress=progress))
        outcome = self._outcome(run)
        if outcome is not None and outcome.ok:
            return from_run(run, Seen(outcome=outcome, progress=progress))
        seen = Seen(
            outcome=outcome,
            reason=self._reason(run),
            progress=progress,
            last_lines=last_lines(self._volumes, f"{notes}/{LOG}"),
        )
        return from_run(run, seen)

    def _cancel(self, ref: OperationRef) -> None:
        cancel_run(self.account, ref.id)

    def _page(self, ref: OperationRef) -> str:
        return self._described(ref.id).run_page_url or ""

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        notes = notes_of_run(self._described(ref.id))
        yield from lines_of(self._volumes, f"{notes}/{LOG}", since)

    @property
    def _volumes(self) -> Volumes:
        return Volumes(self.account)

    def _look_at(self, request: TrainingRequest) -> None:
        """Raise, with the remedy, for what could never run."""
        for uri in (request.checkpoint_uri, request.output_uri):
            path_of(uri)
        if not any(self._volumes.below(request.source_uri)):
            raise InvalidRequest(
                f"source_uri: there is no folder {request.source_uri}", code="SOURCE"
            )
        data = request.data_uri
        if not any(self._volumes.below(data)) and self._volumes.head(data) is None:
            raise InvalidRequest(f"data_uri: there is nothing at {data}", code="DATA")
        secrets = DatabricksSecrets(account=self.account)
        for name in request.secrets.values():
            secrets.get(name)

    @cached_property
    def _shipped(self) -> Shipped:
        """See that what a run begins with is in the volume."""
        start = f"{self.account.root}/kit/start-{hashlib.sha256(START).hexdigest()[:16]}.py"
        if self._volumes.head(start) is None:
            self._volumes.write(start, START)
        return Shipped(start=start, kit=kit.shipped(self._volumes, self.account.root))

    def _described(self, id_: str) -> Run:
        run = found_run(self.account, id_)
        if run is None:
            raise NotFound(f"no run {id_} in the workspace {self.account.host}")
        return run

    def _outcome(self, run: Run) -> Outcome | None:
        found = self._volumes.read(f"{output_of(run)}/{outcome_name(token_of(run))}")
        try:
            return None if found is None else parse_outcome(found[0])
        except UnreadableOutcome as error:
            return Outcome(ok=False, code="UNREADABLE_OUTCOME", message=str(error))

    def _reason(self, run: Run) -> TerminationReason | None:
        try:
            return reason_of_cluster(self.account, run)
        except DatabricksError:
            return None  # clusters are forgotten sooner than runs
