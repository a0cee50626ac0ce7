"""The parts that are judged one by one: slices that have enough rows, and classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tasks.evaluation.gates import Sample
from tasks.evaluation.scoring import Scored


def slices(scored: Scored, *, least_rows: int) -> Iterator[Sample]:
    """Yield a sample per value; values with fewer rows are judged together as the rest."""
    for column in scored.slices.columns:
        values = scored.slices[column].astype("string").fillna("(missing)")
        counts = values.value_counts()
        large = counts[counts >= least_rows].index
        for value in sorted(large):
            yield _sample(scored, f"{column} {value}", (values == value).to_numpy(dtype=bool))
        rest = (~values.isin(large)).to_numpy(dtype=bool)
        if rest.any():
            yield _sample(scored, f"{column} (rest)", rest)


def classes(scored: Scored) -> Iterator[Sample]:
    """Yield each class against the rest: the truth is 1 where a row is of it."""
    for place, name in enumerate(scored.label.classes):
        yield Sample(
            name=name,
            truth=(scored.truth == place).astype(np.int64),
            champion=scored.scores[0, :, place],
            challenger=scored.scores[-1, :, place],
            clusters=scored.clusters,
        )


def whole(scored: Scored, name: str) -> Sample:
    """Return all rows as one sample."""
    return _sample(scored, name, np.ones(len(scored.truth), dtype=bool))


def _sample(scored: Scored, name: str, rows: np.ndarray) -> Sample:
    return Sample(
        name=name,
        truth=scored.truth[rows],
        champion=scored.scores[0, rows],
        challenger=scored.scores[-1, rows],
        clusters=scored.clusters[rows] if scored.clusters is not None else None,
    )
