"""Databricks' own model monitor: captured requests are profiled against a baseline."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.documents import Documents
from blocks.cloud.numbered import Numbered
from blocks.contracts import (
    Check,
    Frozen,
    InvalidRequest,
    MonitoringSchedule,
    MonitoringSchedules,
    MonitorLook,
    NotFound,
    ProviderError,
    WatchingFeatures,
    Window,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.profiling import Profiling
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.wanted import wishes
from blocks.providers.databricks.watching_calls import DRIFT, Limits, from_metrics, to_cron

KIND = "monitoring-schedule"  # in the inventory
_FOLDER = "watching"  # of the volume, for what is watched


class Watched(Frozen):
    """What is kept of an endpoint's schedule."""

    schedule: MonitoringSchedule | None = None
    since: datetime | None = None
    word: str = ""  # of its tables: each life of a schedule has tables of its own
    tables: Mapping[str, tuple[Check, ...]] = {}  # all that looks were ever written to, by word

    def begun(self, schedule: MonitoringSchedule) -> Watched:
        """Return it with a schedule in place of what was there."""
        word = self.word or uuid.uuid4().hex[:8]
        tables = {**self.tables, word: schedule.checks}
        since = self.since or datetime.now(UTC)
        return Watched(schedule=schedule, since=since, word=word, tables=tables)

    def over(self) -> Watched:
        """Return it without a schedule."""
        return Watched(tables=self.tables)


class LakehouseMonitors(Block, MonitoringSchedules):
    """Has Databricks profile what an endpoint was asked, on a schedule, against a baseline.

    Requests are watched that the endpoints block keeps in files, those of the last two minutes
    before a look aside. Databricks tells how far a column is from the baseline, and leaves to
    others what is too far: the limits here are ours. A machine is none of ours to choose.
    """

    _block_type_name = "Databricks model monitors"
    _block_type_slug = "databricks-watching"

    provider: ClassVar[str] = "databricks"
    features: ClassVar[WatchingFeatures] = WatchingFeatures(
        shortest=timedelta(hours=1), checks=frozenset({Check.DRIFT, Check.QUALITY})
    )

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Where and as whom."
    )
    drift_of_numbers: float = Field(
        default=0.25, gt=0, description="Population stability index above which a number drifted."
    )
    drift_of_words: float = Field(
        default=0.2, gt=0, description="Jensen-Shannon distance above which a word drifted."
    )
    missing: float = Field(
        default=5.0, gt=0, description="Percentage points more of missing values than usual."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _ensure(self, schedule: MonitoringSchedule) -> None:
        endpoint, cron = schedule.endpoint, to_cron(schedule.every, datetime.now(UTC))
        self._require_captured(endpoint)
        kept = self._documents.read(endpoint) or Watched()
        if kept.schedule == schedule and self._profiling(endpoint, kept.word).is_there():
            return
        kept = self._documents.change(endpoint, lambda now: now.begun(schedule))
        self._profiling(endpoint, kept.word).make(schedule, cron)

    def _schedule(self, endpoint: str) -> MonitoringSchedule | None:
        kept = self._documents.read(endpoint)
        return kept.schedule if kept is not None else None

    def _looks(self, endpoint: str, window: Window) -> Sequence[MonitorLook]:
        kept = self._documents.read(endpoint) or Watched()
        found: list[MonitorLook] = []
        for word, checks in kept.tables.items():
            profiling = self._profiling(endpoint, word)
            profiles, drifts = profiling.metrics(window)
            found += from_metrics(
                profiles,
                drifts,
                limits=self._limits,
                checks=checks,
                uri=f"{profiling.view}{DRIFT}",
            )
            found += profiling.failed(window)
        return sorted(found, key=lambda look: look.at)

    def _stop(self, endpoint: str) -> None:
        kept = self._documents.read(endpoint)
        if kept is None or kept.schedule is None:
            return
        self._profiling(endpoint, kept.word).drop()
        self._documents.change(endpoint, lambda now: now.over())

    def watched(self) -> Iterator[tuple[MonitoringSchedule, datetime]]:
        """Yield the schedules of this owner, each with when there was one first."""
        below = self._volumes.below(f"{self.account.root}/{_FOLDER}")
        for name in dict.fromkeys(each.name.partition("/")[0] for each in below):
            kept = self._documents.read(name)
            if kept is not None and kept.schedule is not None and kept.since is not None:
                yield kept.schedule, kept.since

    def _require_captured(self, endpoint: str) -> None:
        """Raise NotFound for no endpoint, and InvalidRequest for one whose files have nothing."""
        wanted = wishes(Numbered(self._volumes), f"{self.account.root}/endpoints").read(endpoint)
        served = list(wanted.staying().values()) if wanted is not None else []
        if not served:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        if not any(each.request.capture.sample and not each.table for each in served):
            raise InvalidRequest(
                f"{endpoint!r} keeps no requests in files; deploy it with capture.sample above 0 "
                "and captures='files'",
                code="CAPTURE",
            )

    def _profiling(self, endpoint: str, word: str) -> Profiling:
        return Profiling(account=self.account, name=f"{self.account.named(endpoint)}_{word}")

    @property
    def _limits(self) -> Limits:
        return Limits(
            drift_of_numbers=self.drift_of_numbers,
            drift_of_words=self.drift_of_words,
            missing=self.missing,
        )

    @cached_property
    def _volumes(self) -> Volumes:
        return Volumes(self.account)

    @cached_property
    def _documents(self) -> Documents[Watched]:
        folder = f"{self.account.root}/{_FOLDER}"
        return Documents(Numbered(self._volumes), Watched, lambda name: f"{folder}/{name}")
