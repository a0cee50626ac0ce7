"""SageMaker's own model monitor: it looks at what an endpoint was asked, on a schedule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.documents import Documents
from blocks.contracts import (
    Check,
    Frozen,
    InvalidRequest,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    NotFound,
    ProviderError,
    Unsupported,
    WatchingFeatures,
    Window,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.desired import Recorded
from blocks.providers.aws.errors import explain
from blocks.providers.aws.lookup import READS, Described
from blocks.providers.aws.monitor_images import address_in, monitor_image
from blocks.providers.aws.monitor_parts import MonitorParts, Surroundings
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.wanted import WantedEndpoints
from blocks.providers.aws.watching_calls import (
    ENDED,
    HOUR,
    STATISTICS,
    VIOLATIONS,
    from_execution,
    report_of,
    require_hours,
    to_schedule_config,
)

_KEPT = 1000  # looks of schedules that are gone


class Watched(Frozen):
    """What is known of an endpoint's schedule, kept in the bucket."""

    schedule: MonitoringSchedule | None = None
    outputs: Mapping[str, str] = {}  # where looks by a definition went; definitions there or gone
    made: tuple[str, ...] = ()  # definitions that were made and not yet removed
    looks: tuple[MonitorLook, ...] = ()  # of schedules that are gone


class SageMakerModelMonitor(Block, MonitoringSchedules):
    """Keeps monitoring schedules of Amazon SageMaker Model Monitor.

    SageMaker itself captures what a watched endpoint is asked, beside what our servers keep.
    """

    _block_type_name = "SageMaker model monitor"
    _block_type_slug = "aws-watching"

    provider: ClassVar[str] = "aws"
    features: ClassVar[WatchingFeatures] = WatchingFeatures(shortest=HOUR, checks=frozenset(Check))

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=monitor_image, description="Image of the monitor; empty: the region's."
    )
    machine: str = Field(default="ml.m5.large", description="Where looks run, if nobody says.")
    distance: float = Field(
        default=0.1, gt=0, lt=1, description="How far apart two distributions may be."
    )
    suggest: bool = Field(
        default=False,
        description="Let a job of SageMaker's suggest the baseline; takes bluewater[sagemaker].",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ensure(self, schedule: MonitoringSchedule) -> None:
        require_hours(schedule)
        self._endpoints.record(schedule.endpoint, self._recorded(schedule.endpoint))
        name = self.account.named(schedule.endpoint)
        definition = self._definition(schedule)
        there = self._described(name)
        if there is not None and _definition_of(there) == definition:
            return

        def note(now: Watched) -> Watched:
            outputs = {**now.outputs, definition: schedule.output_uri}
            made = tuple(dict.fromkeys((*now.made, definition)))
            return now.model_copy(update={"schedule": schedule, "outputs": outputs, "made": made})

        self._known.change(schedule.endpoint, note)
        self._parts.define(schedule, definition, self._surroundings())
        self._parts.keep(name, to_schedule_config(schedule, definition), new=there is None)
        self._forget(schedule.endpoint, keep=definition)

    def _schedule(self, endpoint: str) -> MonitoringSchedule | None:
        known = self._known.read(endpoint)
        if known is None or known.schedule is None:
            return None
        there = self._described(self.account.named(endpoint))
        return known.schedule if there is not None else None

    def _looks(self, endpoint: str, window: Window) -> Sequence[MonitorLook]:
        known = self._known.read(endpoint)
        if known is None:
            return []
        found = {each.at: each for each in known.looks}
        found.update({each.at: each for each in self._ended(endpoint, known, window)})
        return [found[at] for at in sorted(found) if window.start <= at < window.end]

    def _stop(self, endpoint: str) -> None:
        if self._known.read(endpoint) is not None:
            self.take_down(endpoint)
            self._endpoints.record(endpoint, None)

    def take_down(self, endpoint: str) -> None:
        """Remove a schedule, and leave the endpoint as it is: it is to go, too."""
        known = self._known.read(endpoint)
        if known is None:
            return
        name = self.account.named(endpoint)
        if self._described(name) is not None:
            seen = tuple(self._ended(endpoint, known, None))

            def keep(now: Watched) -> Watched:
                kept = {each.at: each for each in (*now.looks, *seen)}
                looks = tuple(kept[at] for at in sorted(kept))[-_KEPT:]
                return now.model_copy(update={"looks": looks})

            self._known.change(endpoint, keep)
            self._parts.end(name)
        self._forget(endpoint)
        self._known.change(endpoint, lambda now: now.model_copy(update={"schedule": None}))

    def _recorded(self, endpoint: str) -> Recorded:
        """Return how much of an endpoint's traffic is to be kept. Raises for one without any."""
        requests = self._endpoints.requests(endpoint)
        if not requests:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        if self._endpoints.is_queued(endpoint):
            raise Unsupported(
                f"{endpoint!r} is asynchronous, and its requests are not watched", code="ENDPOINT"
            )
        sample = max(each.capture.sample for each in requests)
        if not sample:
            raise InvalidRequest(
                f"{endpoint!r} captures nothing; set capture.sample above 0", code="CAPTURE"
            )
        return Recorded(uri=f"{self.account.root}/recorded", percent=max(1, round(100 * sample)))

    def _forget(self, endpoint: str, *, keep: str = "") -> None:
        """Remove the definitions of an endpoint but one."""
        known = self._known.read(endpoint) or Watched()
        gone = [each for each in known.made if each != keep]
        for each in gone:
            self._parts.remove(each)

        def forget(now: Watched) -> Watched:
            left = tuple(each for each in now.made if each not in gone)
            return now.model_copy(update={"made": left}) if left != now.made else now

        self._known.change(endpoint, forget)

    def _ended(self, endpoint: str, known: Watched, window: Window | None) -> Iterator[MonitorLook]:
        """Yield the looks of the schedule that is there, as far as they have ended."""
        name = self.account.named(endpoint)
        if self._described(name) is None:
            return
        times = {}
        if window is not None:  # after a moment is not at it
            start = window.start - timedelta(seconds=1)
            times = {"ScheduledTimeAfter": start, "ScheduledTimeBefore": window.end}
        pages = self._reads.get_paginator("list_monitoring_executions").paginate(
            MonitoringScheduleName=name, **times
        )
        for page in pages:
            for told in page["MonitoringExecutionSummaries"]:
                if told["MonitoringExecutionStatus"] in ENDED:
                    output = known.outputs.get(told.get("MonitoringJobDefinitionName", ""), "")
                    yield self._look(told, report_of(output, name, name, told["ScheduledTime"]))

    def _look(self, told: Mapping[str, Any], uri: str) -> MonitorLook:
        statistics, violations = (
            self._objects.read(f"{uri}/{name}") if uri.startswith("s3://") else None
            for name in (STATISTICS, VIOLATIONS)
        )
        return from_execution(
            told,
            uri=uri,
            statistics=statistics[0] if statistics else None,
            violations=violations[0] if violations else None,
        )

    def _surroundings(self) -> Surroundings:
        image = self.image or address_in(self.account.region)
        return Surroundings(
            image=image, machine=self.machine, distance=self.distance, suggest=self.suggest
        )

    def _definition(self, schedule: MonitoringSchedule) -> str:
        """Return the name of what a schedule needs: another schedule, another name."""
        how = f"{self.distance}{self.image}{self.machine}{'suggested' if self.suggest else ''}"
        text = f"{schedule.model_dump_json()}{how}"
        token = hashlib.sha256(text.encode()).hexdigest()
        return self.account.named(f"{schedule.endpoint[:18]}-{token[:16]}")

    def _described(self, name: str) -> Described | None:
        return self._parts.described(name)

    @cached_property
    def _known(self) -> Documents[Watched]:
        s3 = self.account.client
        objects = Objects(s3("s3", attempts=READS), once=s3("s3"))
        home = f"{self.account.root}/monitoring"
        return Documents(
            objects, Watched, lambda name: f"{home}/{self.account.named(name)}/watched.json"
        )

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account.client("s3", attempts=READS))

    @cached_property
    def _endpoints(self) -> WantedEndpoints:
        return WantedEndpoints(self.account)

    @cached_property
    def _parts(self) -> MonitorParts:
        return MonitorParts(self.account)

    @property
    def _reads(self) -> Any:
        return self.account.client("sagemaker", attempts=READS)


def _definition_of(there: Described) -> str:
    return str(there["MonitoringScheduleConfig"].get("MonitoringJobDefinitionName", ""))
