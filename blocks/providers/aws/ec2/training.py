"""Training on EC2 machines that start for one job and end themselves after it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Idempotency,
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
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.console import page
from blocks.providers.aws.ec2.calls import LOG_GROUP
from blocks.providers.aws.ec2.errors import explain
from blocks.providers.aws.ec2.launch import Launched, Launcher, current
from blocks.providers.aws.ec2.machines import Machines
from blocks.providers.aws.ec2.observe import observe
from blocks.providers.aws.ec2.preparing import prepared
from blocks.providers.aws.ec2.record import Record, launches
from blocks.providers.aws.ec2.verdict import CANCELLED, MAX_DURATION, Seen, to_status
from blocks.providers.aws.joblog import lines
from blocks.providers.aws.lookup import READS
from blocks.workload.instance.plan import JOB, ORDER

_NAME = re.compile(r"bluewater-[0-9a-f]{8}-[0-9a-f]{32}")
_ROOM = timedelta(minutes=30)  # to start, and to carry a model away, before status ends a job


class Ec2Training(Block, TrainingJobs):
    """Runs each job on an EC2 machine of its own, on demand or on spot.

    The machine is found again by the job's record in S3, which outlives it. Where it needs
    ``python`` or packages that its image lacks, ``setup`` brings them.
    """

    _block_type_name = "EC2 training"
    _block_type_slug = "aws-ec2-training"

    provider: ClassVar[str] = "aws-ec2"
    features: ClassVar[TrainingFeatures] = TrainingFeatures(
        idempotency=Idempotency.NATIVE,
        spot=True,
        multi_node=False,
        zones=True,
        studies=False,
        max_duration=None,
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    machines: Machines = Field(default_factory=Machines, description="What the machines are like.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _submit(self, request: TrainingRequest, token: str) -> OperationRef:
        name = self.account.named(token)
        record = Record(self.account, name)
        names = record.names()
        job = record.read(JOB) if JOB in names else None
        if job is None:
            job = record.write_once(
                JOB, prepared(request, token, record.uri, (self.account, self.machines))
            )
        if ORDER not in names and current(record, names) is None:
            launcher = Launcher(self.account, record, name, token)
            launched = launcher.launch(job, tried=len(launches(names)))
            if record.read(ORDER) is not None:  # called off meanwhile, by who saw no machine yet
                self._terminate(launched)
        return self._ref(name, token)

    def _status(self, ref: OperationRef) -> OperationStatus[TrainingResult]:
        record, seen = self._seen(ref)
        status = to_status(seen)
        if status.phase.done or seen.launched is None or seen.state == "shutting-down":
            return status
        limit = timedelta(seconds=seen.job["plan"]["max_seconds"]) + _ROOM
        if seen.order:  # whoever ordered it may have died before it could act
            self._terminate(seen.launched)
        elif datetime.now(UTC) - seen.launched.at > limit:
            self._order(record, seen.launched, MAX_DURATION)
        return status

    def _cancel(self, ref: OperationRef) -> None:
        try:
            record, seen = self._seen(ref)
        except NotFound:
            return
        if not to_status(seen).phase.done:
            self._order(record, seen.launched, CANCELLED)

    def _page(self, ref: OperationRef) -> str:
        return page("ec2", self.account.region, f"Instances:tag:Name={ref.id}")

    def _logs(self, ref: OperationRef, since: datetime | None) -> Iterator[LogLine]:
        self._known(ref)
        logs = self.account.client("logs", attempts=READS)
        yield from lines(logs, LOG_GROUP, ref.id, since)

    def _ref(self, name: str, token: str) -> OperationRef:
        return self._reference(name, token, region=self.account.region)

    def _known(self, ref: OperationRef) -> tuple[Record, Mapping[str, Any]]:
        if _NAME.fullmatch(ref.id):
            record = Record(self.account, ref.id)
            if (job := record.read(JOB)) is not None:
                return record, job
        raise NotFound(f"no job {ref.id} in {self.account.root}")

    def _seen(self, ref: OperationRef) -> tuple[Record, Seen]:
        record, job = self._known(ref)
        return record, observe(self.account, record, job)

    def _order(self, record: Record, launched: Launched | None, reason: str) -> None:
        """Write the order down first: the machine reads it too, should it miss the call."""
        record.write_once(ORDER, {"reason": reason})
        if launched is not None:
            self._terminate(launched)

    def _terminate(self, launched: Launched) -> None:
        with contextlib.suppress(NotFound):
            try:
                self.account.client("ec2").terminate_instances(InstanceIds=[launched.instance])
            except ClientError as error:
                raise explain(error) or error from error
