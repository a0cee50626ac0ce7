"""What others derive from the same weeks, rebuilt from their documentation.

Each returns what fails as (column, check) in the words of ours, so that the right one can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

Failed = set[tuple[str, str]]
LINF = 0.1  # SageMaker Model Monitor's comparison threshold
BINS = 10
DOMAIN = 400  # values at most, that TFDV makes a domain of


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A column of the weeks that were learnt from."""

    number: bool
    complete: float  # share of the rows that have a value
    low: float = 0.0
    high: float = 0.0
    edges: Any = None
    below: Any = None  # shares of the rows below each edge
    values: frozenset[str] = frozenset()

    @classmethod
    def of(cls, column: pd.Series) -> Seen:
        """Summarise a column once."""
        known, complete = column.dropna(), float(column.notna().mean())
        if not is_numeric_dtype(column):
            return cls(number=False, complete=complete, values=frozenset(map(str, known.unique())))
        numbers = known.to_numpy(float)
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)))[1:-1]
        return cls(
            number=True,
            complete=complete,
            low=float(numbers.min()),
            high=float(numbers.max()),
            edges=edges,
            below=_below(numbers, edges),
        )


Rule = Callable[[Seen, pd.Series], Iterator[str]]


def exact(seen: Seen, now: pd.Series) -> Iterator[str]:
    """Everything seen is the law: pandera's infer_schema, GX's former onboarding assistant."""
    if seen.complete == 1 and now.isna().any():
        yield "missing"
    if seen.number and (now.min() < seen.low or now.max() > seen.high):
        yield "range"
    if not seen.number and set(map(str, now.dropna().unique())) - seen.values:
        yield "new values"


def schema_like_tfdv(seen: Seen, now: pd.Series) -> Iterator[str]:
    """Domains of texts, and presence: TensorFlow Data Validation's inferred schema."""
    if seen.complete == 1 and now.isna().any():
        yield "missing"
    few = not seen.number and len(seen.values) <= DOMAIN
    if few and set(map(str, now.dropna().unique())) - seen.values:
        yield "new values"


def baseline_like_sagemaker(seen: Seen, now: pd.Series) -> Iterator[str]:
    """Completeness as it was, signs, domains, and distributions: SageMaker's suggested baseline."""
    if now.notna().mean() < seen.complete:
        yield "missing"
    if not seen.number:
        if set(map(str, now.dropna().unique())) - seen.values:
            yield "new values"
        return
    if seen.low >= 0 and now.min() < 0:
        yield "sign"
    if np.abs(_below(now.dropna().to_numpy(float), seen.edges) - seen.below).max() > LINF:
        yield "location"


PEERS: Mapping[str, Rule] = {
    "exact minimum, maximum and values": exact,
    "TFDV-like schema": schema_like_tfdv,
    "SageMaker-like baseline": baseline_like_sagemaker,
}


def summarise(train: pd.DataFrame) -> dict[str, Seen]:
    """Return what the rules know of each column but the batch's own."""
    return {str(name): Seen.of(train[name]) for name in train if name not in {"week", "date"}}


def check(rule: Rule, known: Mapping[str, Seen], week: pd.DataFrame) -> Failed:
    """Return what fails in a week: missing columns and types for all, and what the rule says."""
    failed: Failed = set()
    for name, seen in known.items():
        if name not in week:
            failed.add((name, "columns"))
        elif is_numeric_dtype(week[name]) != seen.number:
            failed.add((name, "type"))
        else:
            failed |= {(name, said) for said in rule(seen, week[name])}
    return failed


def _below(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    if not len(edges) or not len(numbers):
        return np.zeros(1)
    return np.searchsorted(np.sort(numbers), edges, side="right") / len(numbers)
