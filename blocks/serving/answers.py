"""What a model returned: as JSON, cut up by request, and as one value for each row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from blocks.contracts import PREDICTION_BUCKETS

FLOAT_MAX = int(np.finfo(np.float64).max)
ROUNDING = 0.01  # that the chances of a row may be away from 1 in all
LABELS = 10_000  # whole numbers below this are class labels; beyond, quantities


def listed(output: Any) -> Any:
    """Return a model's output in the shape that MLflow's scoring server gives it."""
    if isinstance(output, pd.DataFrame):
        return output.to_dict(orient="records")
    if isinstance(output, pd.Series):
        return pd.DataFrame(output).to_dict(orient="records")
    if isinstance(output, np.ndarray | np.generic):
        return output.tolist()
    if isinstance(output, Mapping):
        return {str(name): listed(values) for name, values in output.items()}
    if isinstance(output, list | tuple):
        return [listed(value) for value in output]
    return output


def split(answer: Any, counts: Sequence[int]) -> list[Any] | None:
    """Cut the answer to several requests up; None if it does not have one entry for each row."""
    if isinstance(answer, dict):
        parts = {name: split(values, counts) for name, values in answer.items()}
        if not parts or any(part is None for part in parts.values()):
            return None
        return [
            {name: part[index] for name, part in parts.items() if part is not None}
            for index in range(len(counts))
        ]
    if not isinstance(answer, list) or len(answer) != sum(counts):
        return None
    ends = np.cumsum(counts).tolist()
    return [answer[end - count : end] for end, count in zip(ends, counts, strict=True)]


def scores(answer: Any, count: int) -> list[Any]:
    """Return one value for each row: what is counted and kept of an answer.

    A number, a text or a truth value is itself. Of two numbers it is the second one, the usual
    probability of "yes"; of more, the position of the largest, as a label. Of named outputs that
    are chances of two classes it is the second one, of more the name of the largest; of others the
    first. Nothing is returned for an answer that does not have one entry for each row.
    """
    if isinstance(answer, dict):
        columns = list(answer.values())
        if len(columns) > 1 and all(isinstance(each, list) for each in columns):
            answer = [dict(zip(answer, row, strict=False)) for row in zip(*columns, strict=False)]
        else:
            answer = next(iter(columns), None)
    if not isinstance(answer, list) or len(answer) != count:
        return []
    return [_score(row) for row in answer]


def _score(row: Any) -> Any:
    if isinstance(row, dict):
        if len(row) > 1 and _chances(list(row.values())):
            return max(row, key=row.__getitem__) if len(row) > 2 else list(row.values())[-1]
        return _score(next(iter(row.values()), None))
    if isinstance(row, list):
        if not row or not all(isinstance(value, int | float) for value in row):
            return str(row)[:100]
        return row[-1] if len(row) <= 2 else str(row.index(max(row)))
    return row if isinstance(row, bool | int | float | str) or row is None else str(row)[:100]


def _chances(values: Sequence[Any]) -> bool:
    """Whether numbers are the chances of all classes: 1 in all."""
    numbers = all(type(value) in {int, float} and 0 <= value <= 1 for value in values)
    return numbers and abs(sum(values) - 1) < ROUNDING


def prediction_bucket(value: Any) -> str:
    """Return the bucket of a prediction.

    A fraction in 0..1 falls into its hundredth (``"37"``), a text, a truth value or a small whole
    number is a class label and its own bucket, and any other number is rounded to two digits
    (``"-1.3e+02"``). No prediction at all is ``"nan"``.
    """
    if isinstance(value, bool | str):
        return str(value)[:100]
    if isinstance(value, int) and abs(value) < LABELS:
        return str(value)
    if isinstance(value, int) and abs(value) > FLOAT_MAX:
        return "inf" if value > 0 else "-inf"
    number = math.nan if value is None else float(value)
    if 0 <= number <= 1:
        return str(min(int(number * PREDICTION_BUCKETS), PREDICTION_BUCKETS - 1))
    return f"{number:.1e}" if math.isfinite(number) else str(number)
