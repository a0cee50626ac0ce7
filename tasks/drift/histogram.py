"""An order-preserving histogram of any numbers in 65,536 bins, exact to about one part in 128.

The bin of x is the top half of the bits of float32((x - centre) / scale): sign, exponent and seven
bits of mantissa, the format known as bfloat16. No range has to be known, far values keep their
relative precision, and histograms with the same centre and scale are merged by addition.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 1 << 16
BLOCK = 1 << 16  # values turned into bins at a time: what stays in the processor's cache

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint16]

_HIGH = 1 if sys.byteorder == "little" else 0  # which half of a float32 holds the exponent
_RAW = np.arange(BINS, dtype=np.uint32)
_ORDERED = np.where(_RAW < 1 << 15, _RAW + (1 << 15), BINS - 1 - _RAW)
_BY_ORDER = np.argsort(_ORDERED)  # raw bits, from the smallest value to the largest
_BITS = _RAW[_BY_ORDER] << np.uint32(16)
with np.errstate(invalid="ignore"):
    _STARTS = _BITS.view(np.float32).astype(np.float64)
_NUMBER = ~np.isnan(_STARTS)
_FINITE = np.isfinite(_STARTS)
with np.errstate(invalid="ignore"):
    _ENDS = (_BITS | np.uint32(0xFFFF)).view(np.float32).astype(np.float64)
    MIDDLES = np.where(_FINITE, (_STARTS + np.where(_FINITE, _ENDS, 0)) / 2, _STARTS)
MIDDLES[BINS >> 1] = 0.0  # what equals the centre, as constant columns do
"""The value in the middle of each bin, in units of the scale from the centre."""


class Scratch:
    """Room for one block of values. Counters that work one after the other share it."""

    def __init__(self) -> None:
        self.wide = np.empty(BLOCK, dtype=np.float64)
        self.narrow = np.empty(BLOCK, dtype=np.float32)
        self.high = self.narrow.view(np.uint16)[_HIGH::2]
        self.index = np.empty(BLOCK, dtype=np.intp)


class BinCounter:
    """Counts values of one column into bins, block by block, without a copy of the column."""

    def __init__(self, centre: float, scale: float, scratch: Scratch | None = None) -> None:
        self._centre, self._factor = centre, 1 / scale
        self._raw = np.zeros(BINS, dtype=np.int64)
        self._scratch = scratch or Scratch()

    def add(self, values: npt.NDArray[np.generic]) -> None:
        """Count numbers of any type; NaN counts as missing."""
        room = self._scratch
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(values), BLOCK):
                block = values[start : start + BLOCK]
                size = len(block)
                np.subtract(block, self._centre, out=room.wide[:size], casting="unsafe")
                np.multiply(
                    room.wide[:size], self._factor, out=room.narrow[:size], casting="same_kind"
                )
                room.index[:size] = room.high[:size]
                self._raw += np.bincount(room.index[:size], minlength=BINS)

    def result(self) -> tuple[Histogram, int]:
        """Return what was counted, and how many NaN there were."""
        ordered = self._raw[_BY_ORDER]
        return sparse(np.where(_NUMBER, ordered, 0)), int(ordered[~_NUMBER].sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram:
    """The bins that are not empty, in the order of their values, and the rows without a value."""

    keys: Keys
    counts: Counts
    missing: int = 0

    @property
    def values(self) -> int:
        """Rows that have a value."""
        return int(self.counts.sum())

    @property
    def rows(self) -> int:
        """All rows."""
        return self.values + self.missing

    def dense(self) -> Counts:
        """Return the count of every bin."""
        full = np.zeros(BINS, dtype=np.int64)
        full[self.keys] = self.counts
        return full

    def __add__(self, other: Histogram) -> Histogram:
        return merged([self, other])

    def __sub__(self, other: Histogram) -> Histogram:
        missing = self.missing - other.missing
        full = self.dense()
        full[other.keys] -= other.counts
        if missing < 0 or (full[other.keys] < 0).any():
            raise ValueError("a profile can only be taken away from one that contains it")
        return sparse(full, missing=missing)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Histogram)
            and self.missing == other.missing
            and np.array_equal(self.keys, other.keys)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]

    def outside(self, other: Histogram) -> float:
        """Return the share of values below all of the other's or above them; NaN if one is empty.

        Exact to the width of a bin.
        """
        if not len(self.keys) or not len(other.keys):
            return float("nan")
        beyond = (self.keys < other.keys[0]) | (self.keys > other.keys[-1])
        return float(self.counts[beyond].sum() / self.values)

    def quantile(self, share: float) -> float:
        """Return the value below which that share lies, in scales from the centre; NaN if empty."""
        if not len(self.keys):
            return float("nan")
        reached = np.searchsorted(np.cumsum(self.counts), share * self.values, side="left")
        return float(MIDDLES[self.keys[min(int(reached), len(self.keys) - 1)]])


def sparse(counts: Counts, *, missing: int = 0) -> Histogram:
    """Return the histogram with these counts of all bins."""
    keys = np.flatnonzero(counts)
    return Histogram(keys=keys.astype(np.uint16), counts=counts[keys], missing=missing)


def merged(parts: Sequence[Histogram]) -> Histogram:
    """Return all parts together; the same as adding them one by one, and faster."""
    full = np.zeros(BINS, dtype=np.int64)
    for each in parts:
        full[each.keys] += each.counts
    return sparse(full, missing=sum(each.missing for each in parts))
