"""What endpoints of SageMaker did: ticks from their logs, captured requests and metrics in S3."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.captured import captured
from blocks.cloud.logged_ticks import SLACK, TICK, LoggedTick, sealed, to_logged_tick
from blocks.cloud.samples import Samples
from blocks.contracts import (
    InvalidRequest,
    Monitor,
    MonitorFeatures,
    ObjectInfo,
    ProviderError,
    Sample,
    VariantTick,
    Window,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import code_of, explain
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.platform_metrics import PLATFORM, PlatformMetrics
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.steering import log_group

SETTLE = "BLUEWATER_AWS_SETTLE"


class SageMakerMonitor(Block, Monitor):
    """Reads what our model servers wrote to CloudWatch Logs and S3; keeps metrics in S3.

    CloudWatch's own metrics are per minute, know no buckets, and take no sample older than two
    weeks, so they are for dashboards and alarms and not what a rollout is judged by. They are read
    under their names with ``aws/`` before them, such as ``aws/Invocations`` or
    ``aws/ModelLatency``, by the labels ``endpoint`` and ``variant``.
    """

    _block_type_name = "SageMaker monitor"
    _block_type_slug = "aws-monitor"

    provider: ClassVar[str] = "aws"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1, captures=True, mirrored=True
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    settle: int = Field(
        default_factory=lambda: int(os.environ.get(SETTLE, "10")),
        ge=1,
        description="Seconds after which a tick's log lines have arrived.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        return sealed(
            self._lines(endpoint, window), window, settle=self.settle, now=datetime.now(UTC)
        )

    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        return captured(self._objects, f"{self.account.root}/captures/{endpoint}", window)

    def _record(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        if metric.startswith(PLATFORM):
            raise InvalidRequest(
                f"{metric} is CloudWatch's own; record it otherwise", code="METRIC"
            )
        self._samples.add(metric, samples, labels)

    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        if metric.startswith(PLATFORM):
            return self._measured(metric.removeprefix(PLATFORM), window, labels)
        return self._samples.between(metric, window, labels)

    def _measured(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        return PlatformMetrics(self.account).between(metric, window, labels)

    def _log_group(self, endpoint: str) -> str:
        return log_group(self.account.named(endpoint))

    def _lines(self, endpoint: str, window: Window) -> Iterator[LoggedTick]:
        pages = (
            self.account.client("logs", attempts=READS)
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=self._log_group(endpoint),
                filterPattern=f'"{TICK}"',
                startTime=_milliseconds(window.start - SLACK),
                endTime=_milliseconds(window.end + timedelta(seconds=self.settle + 1)),
            )
        )
        try:
            for page in pages:
                for event in page["events"]:
                    if event["message"].startswith(TICK):
                        arrived = event["ingestionTime"] / 1000
                        yield to_logged_tick(event["message"], arrived=arrived)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":  # an endpoint that never logged
                raise

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account.client("s3", attempts=READS))

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self._objects, f"{self.account.root}/metrics")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
