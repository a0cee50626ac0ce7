"""A rolling update: one fleet takes the place of the other, a batch of machines at a time.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blocks.providers.aws.emulator.fleets import Fleet, Machines
from blocks.providers.aws.emulator.refusals import AwsError

_LEAST, _MOST = 5, 50  # percent of a variant's machines


def batch_of(size: Mapping[str, Any], machines: int) -> int:
    """Return how many machines a batch of an update has. Raises AwsError for too many, or few."""
    count = _count(size, machines)
    percent = size["Value"] if size["Type"] == "CAPACITY_PERCENT" else 100 * count / machines
    if not _LEAST <= percent <= _MOST or 100 * count > _MOST * machines:
        told = f"MaximumBatchSize must be between {_LEAST}% and {_MOST}% of the variant's total "
        raise AwsError("ValidationException", f"{told}instance count, which is {machines}.")
    return count


def returned_of(size: Mapping[str, Any] | None, machines: int) -> int:
    """Return how many machines come back at a time: all, unless told. Raises AwsError."""
    count = machines if size is None else _count(size, machines)
    if count > machines:
        told = f"RollbackMaximumBatchSize is above the variant's instance count, {machines}."
        raise AwsError("ValidationException", told)
    return count


def _count(size: Mapping[str, Any], machines: int) -> int:
    value = int(size["Value"])
    return value if size["Type"] == "INSTANCE_COUNT" else max(1, machines * value // 100)


class Sizes:
    """How many machines two fleets have while traffic moves from one to the other.

    Without ``batch`` the new fleet comes whole and the old one goes whole.
    """

    def __init__(
        self, machines: Machines, old: Fleet | None, new: Sequence[Fleet], *, batch: int, back: int
    ) -> None:
        self._machines, self._batch, self._back = machines, batch, back
        self._old, self._new = old, new[0]
        self._before, self._after = old.count if old else 0, self._new.count
        if batch:
            self._new.count = batch

    def grow(self, share: float) -> None:
        """Let the new fleet have its part of the machines, and wait for them."""
        if self._batch:
            self._new.count = round(self._after * share)
            self._machines.await_size(self._new)

    def shrink(self, share: float) -> None:
        """Let go of the old machines whose part the new ones have."""
        if self._batch and self._old:
            self._old.count = round(self._before * (1 - share))

    def returned(self) -> Sequence[float]:
        """Return the shares of the new fleet on the way back, one batch after the other."""
        if not self._batch or self._old is None:
            return (0.0,)
        sizes = [*range(self._old.count + self._back, self._before, self._back), self._before]
        return [1 - each / self._before for each in sizes]

    def give_back(self, share: float) -> None:
        """Let the old fleet have its part again, and wait for it."""
        if self._batch and self._old:
            self._old.count = round(self._before * (1 - share))
            self._machines.await_size(self._old)
            self._new.count = min(self._new.count, round(self._after * share))
