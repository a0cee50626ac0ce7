"""Runs inside SageMaker's own monitor: turns one captured exchange into rows of named columns.

It is copied there alone, so it imports nothing but the standard library. What it is handed:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-pre-and-post-processing.html
"""

import json

PREDICTION = "prediction"
_PLAIN = (bool, int, float, str, type(None))


def preprocess_handler(inference_record):  # type: ignore[no-untyped-def]
    """Return a row for each that was asked, with what was answered beside it; [] for none."""
    try:
        asked = json.loads(inference_record.endpoint_input.data)
        answered = json.loads(inference_record.endpoint_output.data)
    except ValueError:
        return []
    rows = _rows(asked) if isinstance(asked, dict) else []
    told = answered.get("predictions") if isinstance(answered, dict) else None
    predictions = told if isinstance(told, list) and len(told) == len(rows) else []
    for row, prediction in zip(rows, predictions, strict=False):
        if isinstance(prediction, _PLAIN):
            row[PREDICTION] = prediction
    return rows


def _rows(asked):  # type: ignore[no-untyped-def]
    if "dataframe_split" in asked:
        split = asked["dataframe_split"]
        found = [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
    else:
        found = asked.get("dataframe_records") or []
    return [
        {name: value for name, value in row.items() if isinstance(value, _PLAIN)} for row in found
    ]
