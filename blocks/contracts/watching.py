"""A provider's own model monitor, that looks at captured traffic on a schedule."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, final

from pydantic import Field

from blocks.contracts.base import Contract
from blocks.contracts.errors import InvalidRequest, Unsupported
from blocks.contracts.monitor import Window
from blocks.contracts.operation import Failure, Frozen, Phase


class Check(StrEnum):
    """What a monitor compares with the rows that a model was trained on."""

    DRIFT = "drift"  # how the values of a column are distributed
    QUALITY = "quality"  # types, missing values, values never seen


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchingFeatures:
    """What a provider's own monitor can do."""

    shortest: timedelta  # time between two looks that it takes at least
    checks: frozenset[Check]

    def require(self, schedule: MonitoringSchedule) -> None:
        """Raise InvalidRequest or Unsupported for the first thing asked that is not on offer."""
        if schedule.every < self.shortest:
            raise InvalidRequest(
                f"every is {schedule.every}; the monitor here looks every {self.shortest} at most",
                code="EVERY",
            )
        if lacking := sorted(set(schedule.checks) - self.checks):
            known = ", ".join(sorted(self.checks))
            raise Unsupported(
                f"the monitor here does not check {lacking[0]}; ask for {known}", code="CHECKS"
            )


class MonitoringSchedule(Frozen):
    """That an endpoint's captured traffic be compared with a model's training rows, regularly."""

    endpoint: str  # captured already; an endpoint has one schedule at most
    baseline_uri: str  # Parquet file: the model's inputs by name, and ``prediction``
    output_uri: str  # folder for what the monitor writes
    every: timedelta
    checks: tuple[Check, ...] = Field(default=(Check.DRIFT, Check.QUALITY), min_length=1)
    machine: str = ""  # for monitors that run on a machine; empty = the provider's default


class MonitorFinding(Frozen):
    """One thing that a look found amiss."""

    check: Check
    column: str
    metric: str  # in the monitor's own words, e.g. baseline_drift_check, jensen_shannon
    value: float | None = None
    limit: float | None = None
    message: str = ""


class MonitorLook(Frozen):
    """One look of a monitor that has ended. A look that failed is data, not an exception."""

    at: datetime  # for which it was due; names the look
    phase: Phase
    rows: int | None = None  # that were looked at; None = the monitor does not tell
    findings: tuple[MonitorFinding, ...] = ()
    failure: Failure | None = None
    uri: str = ""  # of the monitor's own report


class MonitoringSchedules(Contract):
    """Have a provider's own monitor look at an endpoint; read what it found.

    Optional: our own look (``flows.watch``) needs none of it.
    """

    capability: ClassVar[str] = "watching"
    optional: ClassVar[bool] = True
    features: ClassVar[WatchingFeatures]

    @final
    def ensure(self, schedule: MonitoringSchedule) -> None:
        """Make the endpoint's schedule be as asked; asking again changes nothing.

        Another schedule of the endpoint is replaced; the looks that it took stay readable. Raises
        NotFound for an endpoint that is not there, InvalidRequest for one that captures nothing.
        """
        with self._calling("ensure"):
            self.features.require(schedule)
            self._ensure(schedule)

    @final
    def schedule(self, endpoint: str) -> MonitoringSchedule | None:
        """Return the endpoint's schedule, as it was asked for; None without one."""
        with self._calling("schedule"):
            return self._schedule(endpoint)

    @final
    def looks(self, endpoint: str, window: Window) -> Sequence[MonitorLook]:
        """Return the looks that were due in the window and have ended, oldest first."""
        with self._calling("looks"):
            return self._looks(endpoint, window)

    @final
    def stop(self, endpoint: str) -> None:
        """Remove the endpoint's schedule and what it needs; reports stay. None there is fine."""
        with self._calling("stop"):
            self._stop(endpoint)

    @abc.abstractmethod
    def _ensure(self, schedule: MonitoringSchedule) -> None: ...
    @abc.abstractmethod
    def _schedule(self, endpoint: str) -> MonitoringSchedule | None: ...
    @abc.abstractmethod
    def _looks(self, endpoint: str, window: Window) -> Sequence[MonitorLook]: ...
    @abc.abstractmethod
    def _stop(self, endpoint: str) -> None: ...
