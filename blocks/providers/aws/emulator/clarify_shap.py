"""Shapley values of a model's answer, as Kernel SHAP has them where it looks at every coalition.

Lundberg and Lee, A Unified Approach to Interpreting Model Predictions (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Row = Mapping[str, Any]
Predict = Callable[[Sequence[Row]], np.ndarray[Any, np.dtype[np.float64]]]
_MOST = 12  # features; the real one takes samples of the coalitions of more


def shapley(predict: Predict, row: Row, baseline: pd.DataFrame) -> list[float]:
    """Return what each feature of a row adds to what is answered to the baseline."""
    names = list(row)
    if len(names) > _MOST:
        raise SystemExit(f"not emulated: {len(names)} features, which is more than {_MOST}")
    coalitions = 1 << len(names)
    asked = [
        {name: row[name] if mask >> bit & 1 else other[name] for bit, name in enumerate(names)}
        for mask in range(coalitions)
        for other in baseline.to_dict("records")
    ]
    worth = np.asarray(predict(asked)).reshape(coalitions, len(baseline)).mean(axis=1)
    return [_added(worth, bit, len(names)) for bit in range(len(names))]


def _added(worth: np.ndarray[Any, np.dtype[np.float64]], bit: int, features: int) -> float:
    """Return the mean of what one feature adds, over all orders in which they may come."""
    without = [mask for mask in range(len(worth)) if not mask >> bit & 1]
    return float(
        sum(
            (worth[mask | 1 << bit] - worth[mask])
            / (features * math.comb(features - 1, mask.bit_count()))
            for mask in without
        )
    )
