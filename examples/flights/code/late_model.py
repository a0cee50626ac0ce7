"""Late flights as a served model: columns in, the probability of a late arrival out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

TEXTS = ("carrier", "origin", "dest")
NUMBERS = ("departure_hour", "arrival_hour", "distance")
WHOLE = ("weekday",)
FEATURES = (*TEXTS, *NUMBERS, *WHOLE)


class Encoder:
    """Turns the columns into the numbers that the trees split on.

    A value that training never saw is missing: trees have a way for that, and serving goes on.
    """

    def __init__(self, levels: dict[str, list[str]]) -> None:
        self.levels = levels

    @classmethod
    def learned_from(cls, frame: pd.DataFrame) -> Encoder:
        """Return an encoder that knows the values of this frame."""
        return cls({name: sorted(frame[name].unique()) for name in TEXTS})

    def matrix(self, frame: pd.DataFrame) -> np.ndarray:
        """Return one row of floats for each row of the frame."""
        columns = []
        for name in TEXTS:
            codes = pd.Index(self.levels[name]).get_indexer(frame[name]).astype(float)
            columns.append(np.where(codes < 0, np.nan, codes))
        columns += [frame[name].to_numpy(dtype=float) for name in (*NUMBERS, *WHOLE)]
        return np.column_stack(columns)


class LateModel:
    """Encoder and trees, versioned and served as one."""

    def __init__(self, encoder: Encoder, trees: Any) -> None:
        self.encoder, self.trees = encoder, trees

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Return the probability of a late arrival for each row, in 0..1."""
        scores: np.ndarray = self.trees.predict_proba(self.encoder.matrix(frame))[:, 1]
        return scores


def _load_pyfunc(path: str) -> LateModel:
    """Load what ``train.py`` saved. The server has verified its digest before."""
    kept = joblib.load(Path(path) / "model.joblib")
    return LateModel(Encoder(kept["levels"]), kept["trees"])
