"""What others derive from the same weeks, rebuilt from their documentation.

Each returns what fails as (column, check) in the words of ours, so that the right one can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

Failed = set[tuple[str, str]]
LINF = 0.1  # SageMaker Model Monitor's comparison threshold
BINS = 10


def exact(train: pd.DataFrame) -> Callable[[pd.DataFrame], Failed]:
    """Everything seen is the law: pandera's infer_schema, GX's former onboarding assistant."""

    def check(week: pd.DataFrame) -> Iterator[tuple[str, str]]:
        yield from _schema(train, week)
        for name in _shared(train, week):
            seen, now = train[name], week[name]
            if not seen.isna().any() and now.isna().any():
                yield name, "missing"
            if is_numeric_dtype(seen):
                if now.min() < seen.min() or now.max() > seen.max():
                    yield name, "range"
            elif set(now.dropna()) - set(seen.dropna()):
                yield name, "new values"

    return lambda week: set(check(week))


def schema_like_tfdv(train: pd.DataFrame) -> Callable[[pd.DataFrame], Failed]:
    """Domains of texts, and presence: TensorFlow Data Validation's inferred schema."""

    def check(week: pd.DataFrame) -> Iterator[tuple[str, str]]:
        yield from _schema(train, week)
        for name in _shared(train, week):
            seen, now = train[name], week[name]
            if not seen.isna().any() and now.isna().any():
                yield name, "missing"
            few = not is_numeric_dtype(seen) and seen.nunique() <= 400
            if few and set(now.dropna()) - set(seen.dropna()):
                yield name, "new values"

    return lambda week: set(check(week))


def baseline_like_sagemaker(train: pd.DataFrame) -> Callable[[pd.DataFrame], Failed]:
    """Completeness as it was, signs, domains, and distributions: SageMaker's suggested baseline."""

    def check(week: pd.DataFrame) -> Iterator[tuple[str, str]]:
        yield from _schema(train, week)
        for name in _shared(train, week):
            seen, now = train[name], week[name]
            if now.notna().mean() < seen.notna().mean():
                yield name, "missing"
            if is_numeric_dtype(seen):
                if seen.min() >= 0 and now.min() < 0:
                    yield name, "sign"
                if _linf(seen, now) > LINF:
                    yield name, "location"
            elif set(now.dropna()) - set(seen.dropna()):
                yield name, "new values"

    return lambda week: set(check(week))


PEERS: Mapping[str, Callable[[pd.DataFrame], Callable[[pd.DataFrame], Failed]]] = {
    "exact minimum, maximum and values": exact,
    "TFDV-like schema": schema_like_tfdv,
    "SageMaker-like baseline": baseline_like_sagemaker,
}


def _schema(train: pd.DataFrame, week: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for name in set(train) ^ set(week):
        yield name, "columns"
    for name in train:
        if name in week and is_numeric_dtype(train[name]) != is_numeric_dtype(week[name]):
            yield str(name), "type"


def _shared(train: pd.DataFrame, week: pd.DataFrame) -> Iterator[str]:
    for name in train:
        alike = name in week and is_numeric_dtype(train[name]) == is_numeric_dtype(week[name])
        if alike and name not in ("week", "date"):
            yield str(name)


def _linf(seen: pd.Series, now: pd.Series) -> float:
    edges = np.unique(np.quantile(seen.dropna(), np.linspace(0, 1, BINS + 1)))
    edges = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    shares = [
        np.histogram(each.dropna(), edges)[0] / max(each.notna().sum(), 1) for each in (seen, now)
    ]
    return float(np.abs(np.cumsum(shares[0]) - np.cumsum(shares[1])).max())
