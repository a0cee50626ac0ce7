"""What endpoints did: counts per variant and tick, captured requests, metrics over time."""

from __future__ import annotations

import abc
import math
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar, final

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as validated

from blocks.contracts.base import Contract
from blocks.contracts.operation import Frozen
from blocks.contracts.store import ObjectInfo

K = TypeVar("K")

LATENCY_RATIO = 1.05
"""Width of a latency bucket: bucket i holds latencies in [1.05**i, 1.05**(i+1)) milliseconds."""

PREDICTION_BUCKETS = 100
"""Prediction buckets: i holds scores in [i/100, (i+1)/100); a class label is its own bucket."""


def latency_bucket(seconds: float) -> int:
    """Return the bucket of a latency; under a microsecond counts as one."""
    return math.floor(math.log(max(seconds * 1000, 1e-3)) / math.log(LATENCY_RATIO))


def latency_of(bucket: int) -> float:
    """Return the lower edge of a latency bucket in seconds."""
    return float(LATENCY_RATIO**bucket) / 1000


ERRING_USERS = 500
"""Erring users that one tick numbers at most; all are counted."""


ASKED_SECONDS = 5
"""How exactly ticks say when the request of a business event was asked."""


def asked_in(at: float) -> int:
    """Return the time that ticks say for a request: seconds since 1970, cut down to a few."""
    return int(at // ASKED_SECONDS) * ASKED_SECONDS


def user_number(user: str) -> int:
    """Return the number of a user in ticks: 32 bits of a hash, the same wherever it is counted."""
    return zlib.crc32(user.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorFeatures:
    """What a provider's monitoring keeps."""

    resolution_seconds: int  # length of a tick
    captures: bool  # single requests and predictions, not only counts
    mirrored: bool  # the answers of a mirrored variant are counted too


class Window(Frozen):
    """From ``start`` (included) to ``end`` (excluded); both with a time zone."""

    start: datetime
    end: datetime


class Sample(Frozen):
    """One value of a metric."""

    at: datetime
    value: float


@validated(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class VariantTick:
    """What one variant did in one tick, as counts: it merges by addition and has a bounded size.

    A dataclass with slots: a rollout reads the fields of thousands, which models make slow.
    """

    variant: str
    start: datetime
    seconds: float
    mirrored: bool = False  # counts answers that nobody saw
    requests: int = Field(ge=0)
    errors: int = Field(default=0, ge=0)  # 5xx, time-outs and lost connections; never 4xx
    users: int = Field(default=0, ge=0)  # distinct ones; who gives no name is one each; 0 = unknown
    erring_users: int = Field(default=0, ge=0)  # of these, those that got an error
    erring: tuple[int, ...] = ()  # their numbers, of those with a name: see user_number
    latency: Mapping[int, int] = Field(default_factory=dict)  # latency bucket -> requests
    # bucket or label -> predictions; of outputs by their names
    predictions: Mapping[str, int] = Field(default_factory=dict)
    # business event -> requests that had it
    outcomes: Mapping[str, int] = Field(default_factory=dict)
    # of these, where known: when asked, see asked_in
    asked: Mapping[str, Mapping[int, int]] = Field(default_factory=dict)

    @classmethod
    def from_json(cls, line: str | bytes) -> VariantTick:
        """Read what ``to_json`` wrote; raise a ValidationError for anything else."""
        return _TICK.validate_json(line)

    def to_json(self, *, exclude_defaults: bool = False) -> str:
        """Return it as one line."""
        return _TICK.dump_json(self, exclude_defaults=exclude_defaults).decode()


_TICK = TypeAdapter(VariantTick)


def merge_ticks(start: datetime, ticks: Sequence[VariantTick]) -> VariantTick:
    """Return the sum of what several servers of one variant counted, as one tick."""
    first = ticks[0]
    erring = {number for tick in ticks for number in tick.erring}
    twice = sum(len(tick.erring) for tick in ticks) - len(erring)  # in trouble at two servers
    return VariantTick(
        variant=first.variant,
        start=start,
        seconds=first.seconds,
        mirrored=first.mirrored,
        requests=sum(tick.requests for tick in ticks),
        errors=sum(tick.errors for tick in ticks),
        users=sum(tick.users for tick in ticks),
        erring_users=sum(tick.erring_users for tick in ticks) - twice,
        erring=tuple(sorted(erring)[:ERRING_USERS]),
        latency=_total([tick.latency for tick in ticks]),
        predictions=_total([tick.predictions for tick in ticks]),
        outcomes=_total([tick.outcomes for tick in ticks]),
        asked={
            event: _total([tick.asked.get(event, {}) for tick in ticks])
            for event in sorted({event for tick in ticks for event in tick.asked})
        },
    )


def _total(counts: Sequence[Mapping[K, int]]) -> dict[K, int]:
    whole: Counter[K] = Counter()
    for each in counts:
        whole.update(each)
    return dict(whole)


class Monitor(Contract):
    """Read what endpoints did; keep metrics beside it."""

    capability: ClassVar[str] = "monitor"
    features: ClassVar[MonitorFeatures]

    @final
    def ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]:
        """Return the complete ticks that start in the window, oldest first; none is an empty list.

        A tick is returned once it can no longer change; the same window returns the same ticks.
        """
        with self._calling("ticks"):
            return self._ticks(endpoint, window)

    @final
    def captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]:
        """Return Parquet files with the requests captured in the window, oldest first.

        Columns: ``at`` (UTC timestamp), ``request_id``, ``row`` (int, position in the request),
        ``variant``, ``mirrored`` (bool), ``status`` (int), ``seconds`` (float), ``user``, the
        model's inputs by name, ``prediction``, and ``answer``: all that was answered for the row as
        JSON, e.g. the chance of each class, where that is more than its prediction. A file may
        reach beyond the window.
        """
        with self._calling("captures"):
            return self._captures(endpoint, window)

    @final
    def record(self, metric: str, samples: Sequence[Sample], *, labels: Mapping[str, str]) -> None:
        """Keep samples. Recording the same sample twice keeps it once."""
        with self._calling("record"):
            self._record(metric, samples, labels)

    @final
    def read(self, metric: str, window: Window, *, labels: Mapping[str, str]) -> Sequence[Sample]:
        """Return samples with these labels in the window, oldest first; none is an empty list."""
        with self._calling("read"):
            return self._read(metric, window, labels)

    @property
    def tick(self) -> timedelta:
        """The length of a tick."""
        return timedelta(seconds=self.features.resolution_seconds)

    @abc.abstractmethod
    def _ticks(self, endpoint: str, window: Window) -> Sequence[VariantTick]: ...
    @abc.abstractmethod
    def _captures(self, endpoint: str, window: Window) -> Sequence[ObjectInfo]: ...
    @abc.abstractmethod
    def _record(
        self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]
    ) -> None: ...
    @abc.abstractmethod
    def _read(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]: ...
