"""Runs inside SageMaker's own monitor: turns one captured exchange into rows of named columns.

It is copied there alone, so it imports nothing but the standard library, and it keeps to what an
older Python knows. What it is handed:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-and-post-processing.html
"""

from __future__ import annotations

import json
from typing import Any

PREDICTION = "prediction"
_PLAIN = (bool, int, float, str, type(None))


def preprocess_handler(inference_record: Any) -> list[dict[str, Any]]:
    """Return a row for each that was asked, with what was answered beside it; [] for none."""
    try:
        asked = json.loads(inference_record.endpoint_input.data)
        answered = json.loads(inference_record.endpoint_output.data)
    except ValueError:
        return []
    rows = _rows(asked) if isinstance(asked, dict) else []
    told = answered.get("predictions") if isinstance(answered, dict) else None
    predictions = told if isinstance(told, list) and len(told) == len(rows) else []
    for row, prediction in zip(rows, predictions):  # noqa: B905
        if isinstance(prediction, _PLAIN):
            row[PREDICTION] = _told(prediction)
    return rows


def _rows(asked: dict[str, Any]) -> list[dict[str, Any]]:
    if "dataframe_split" in asked:
        split = asked["dataframe_split"]
        found = [
            dict(zip(split["columns"], row))  # noqa: B905
            for row in split["data"]
        ]
    else:
        found = asked.get("dataframe_records") or []
    return [
        {name: _told(value) for name, value in row.items() if isinstance(value, _PLAIN)}
        for row in found
    ]


def _told(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value  # the monitor knows no truth values
