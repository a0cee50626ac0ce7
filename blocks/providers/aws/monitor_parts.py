"""What a monitoring schedule is made of: a baseline in S3, a job definition, the schedule."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from blocks.contracts import Check, Conflict, MonitoringSchedule, NotFound
from blocks.providers.aws import captured_rows
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.baseline import constraints_of, statistics_of
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.lookup import READS, UNKNOWN, Described, look_for
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.suggested import Suggesting, adjusted
from blocks.providers.aws.watching_calls import (
    CONSTRAINTS,
    ROWS,
    STATISTICS,
    to_create_data_quality_job_definition,
)

_TAKEN = UNKNOWN | {"ResourceInUse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a look runs as, if nobody says otherwise."""

    image: str
    machine: str
    distance: float  # how far apart two distributions may be
    suggest: bool  # let SageMaker's own job suggest the baseline


class MonitorParts:
    """Job definitions and schedules of one account."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account
        self._sagemaker = account.client("sagemaker")
        self._reads = account.client("sagemaker", attempts=READS)
        self._objects = Objects(account.client("s3", attempts=READS))

    def define(self, schedule: MonitoringSchedule, name: str, around: Surroundings) -> None:
        """Make the baseline and the definition of a schedule, unless they are there."""
        home = f"{self._account.root}/monitoring/{name}"
        self._write_baseline(schedule, home, around)
        vpc = self._account.vpc()
        call = to_create_data_quality_job_definition(
            schedule,
            name=name,
            endpoint=self._account.named(schedule.endpoint),
            home=home,
            image=around.image,
            machine=around.machine,
            kms_key=self._account.kms_key,
        )
        self._unless_there(
            self._sagemaker.create_data_quality_job_definition,
            **call,
            **({"NetworkConfig": {"VpcConfig": vpc}} if vpc else {}),
            RoleArn=self._account.execution_role,
            Tags=self._account.tags(),
        )

    def keep(self, name: str, config: Mapping[str, Any], *, new: bool) -> None:
        """Let a schedule be so."""
        call = {"MonitoringScheduleName": name, "MonitoringScheduleConfig": config}
        if new:
            create = self._sagemaker.create_monitoring_schedule
            self._unless_there(create, **call, Tags=self._account.tags())
        else:
            self._sagemaker.update_monitoring_schedule(**call)

    def described(self, name: str) -> Described | None:
        """Return what SageMaker tells of a schedule."""
        describe = self._reads.describe_monitoring_schedule
        return look_for(describe, "MonitoringScheduleName", name, patient=False)

    def end(self, name: str) -> None:
        """Remove a schedule; gone is fine. Raises Conflict while it looks."""
        self._unless_gone(self._sagemaker.delete_monitoring_schedule, MonitoringScheduleName=name)

    def remove(self, name: str) -> None:
        """Remove a definition; gone is fine."""
        delete = self._sagemaker.delete_data_quality_job_definition
        self._unless_gone(delete, JobDefinitionName=name)

    def _write_baseline(
        self, schedule: MonitoringSchedule, home: str, around: Surroundings
    ) -> None:
        found = self._objects.read(schedule.baseline_uri)
        if found is None:
            raise NotFound(f"there is no baseline at {schedule.baseline_uri}", code="BASELINE")
        rows = pq.read_table(io.BytesIO(found[0]))
        checks: dict[str, Any] = {
            "drift": Check.DRIFT in schedule.checks,
            "quality": Check.QUALITY in schedule.checks,
            "distance": around.distance,
        }
        if around.suggest:
            asking = Suggesting(account=self._account, image=around.image, machine=around.machine)
            suggested = asking.read(rows, home=home, token=home.rpartition("-")[2])
            statistics, constraints = adjusted(suggested, rows, **checks)
        else:
            statistics = statistics_of(rows.to_pydict())
            constraints = constraints_of(statistics, **checks)
        self._objects.write(f"{home}/{STATISTICS}", orjson.dumps(statistics))
        self._objects.write(f"{home}/{CONSTRAINTS}", orjson.dumps(constraints))
        self._objects.write(f"{home}/{ROWS}", Path(captured_rows.__file__).read_bytes())

    def _unless_there(self, create: Any, **call: Any) -> None:
        """Create something whose name is made from what it is, or find it there."""
        try:
            create(**call)
        except ClientError as error:
            if not (code_of(error) in _TAKEN and self._is_there(call)):
                raise

    def _is_there(self, call: Mapping[str, Any]) -> bool:
        word = next(iter(call))
        describe = {
            "JobDefinitionName": self._reads.describe_data_quality_job_definition,
            "MonitoringScheduleName": self._reads.describe_monitoring_schedule,
        }[word]
        return look_for(describe, word, call[word]) is not None

    def _unless_gone(self, delete: Any, **call: Any) -> None:
        try:
            delete(**call)
        except ClientError as error:
            if code_of(error) not in UNKNOWN:
                raise
            if self._is_there(call):
                raise Conflict(f"the monitor is busy; try again: {error}", code="BUSY") from error
