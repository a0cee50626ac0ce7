"""What a model returned: as JSON, cut up by request, and what is kept of it for each row."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import orjson
import pandas as pd

from blocks.contracts import PREDICTION_BUCKETS

FLOAT_MAX = int(np.finfo(np.float64).max)
ROUNDING = 0.01  # that the chances of a row may be away from 1 in all
COUNTED = 100  # outputs of a row that are compared, if they are no chances
LONGEST = 1 << 16  # characters that are kept of all that was answered for a row
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of an answer: of each row its prediction, and all that was answered."""

    predictions: Sequence[Any]
    counted: Sequence[Any]  # what is compared between versions: see ``counted``
    answers: Sequence[str | None] = ()  # as JSON; none where predictions are all there is


def kept(answer: Any, count: int) -> Kept:
    """Return what is kept of an answer to so many rows."""
    rows = by_row(answer, count)
    predictions = [score(row) for row in rows]
    if not any(isinstance(row, dict | list) for row in rows):
        return Kept(predictions=predictions, counted=predictions)
    return Kept(
        predictions=predictions,
        counted=[each for row in rows for each in counted(row)],
        answers=[whole(row) for row in rows],
    )


def by_row(answer: Any, count: int) -> list[Any]:
    """Return what was answered for each row: a value, a list, or named outputs.

    Nothing is returned for an answer that does not have one entry for each row: it can neither be
    compared nor kept.
    """
    if isinstance(answer, dict):
        columns = list(answer.values())
        if len(columns) > 1 and all(isinstance(each, list) for each in columns):
            answer = [dict(zip(answer, row, strict=False)) for row in zip(*columns, strict=False)]
        else:
            answer = next(iter(columns), None)
    return answer if isinstance(answer, list) and len(answer) == count else []


def scores(answer: Any, count: int) -> list[Any]:
    """Return the prediction of each row; none for an answer without one entry for each."""
    return [score(row) for row in by_row(answer, count)]


def score(row: Any) -> Any:
    """Return the one value that is the prediction of a row.

    A number, a text or a truth value is itself. Of chances of two classes, which are 1 in all, it
    is the second one, the usual probability of "yes"; of more classes the likeliest, by its name
    or else by its position. Of several outputs that are no chances it is the first one.
    """
    if not isinstance(row, dict | list):
        return _plain(row)
    outputs = outputs_of(row)
    first = next(iter(outputs.values()), None)
    if len(outputs) < 2:
        return score(first)
    if not _chances(outputs.values()):
        return _plain(first)
    return max(outputs, key=outputs.__getitem__) if len(outputs) > 2 else [*outputs.values()][1]


def counted(row: Any) -> list[Any]:
    """Return what is counted of a row: its prediction, or each of several outputs by its name."""
    outputs = outputs_of(row)
    if len(outputs) < 2 or _chances(outputs.values()):
        return [score(row)]
    some = islice(outputs.items(), COUNTED)
    return [f"{str(name)[:60]}={prediction_bucket(_plain(value))}" for name, value in some]


def whole(row: Any) -> str | None:
    """Return all that was answered for a row as JSON, where that is more than its prediction.

    What is longer than LONGEST is left out.
    """
    if len(outputs_of(row)) < 2:
        return None
    try:
        told = orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # a whole number of more than 64 bits, say
        told = json.dumps(row, default=str, skipkeys=True)
    return told if len(told) <= LONGEST else None


def outputs_of(row: Any) -> Mapping[Any, Any]:
    """Return the outputs of a row by name, or else by position."""
    if isinstance(row, dict):
        return row
    if isinstance(row, list):
        return {str(place): value for place, value in enumerate(row)}
    return {"": row}


def meaning(row: Any) -> str:
    """Say what is compared of a row, for people."""
    outputs = outputs_of(row)
    if len(outputs) < 2:
        return "what is answered"
    if not _chances(outputs.values()):
        return f"each of {len(outputs)} outputs ({', '.join(map(str, [*outputs][:5]))})"
    if len(outputs) == 2:
        return f"the chance of the second class ({[*outputs][1]})"
    return f"the likeliest of {len(outputs)} classes"


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return str(value)[:100]


def _chances(values: Iterable[Any]) -> bool:
    """Whether numbers are the chances of all classes: 1 in all."""
    found = list(values)
    numbers = all(type(value) in {int, float} and 0 <= value <= 1 for value in found)
    return numbers and abs(sum(found) - 1) < ROUNDING


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
