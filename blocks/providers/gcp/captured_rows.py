"""Captured requests as rows of JSON beside them: what Vertex AI's model monitoring can read."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq

from blocks.providers.gcp.gcs import Objects
from blocks.serving.capture_names import OURS

AT, PREDICTION = "at", "prediction"
_CAPTURES, _ROWS = "/captures/", "/rows/"
_UNTOLD = frozenset(OURS) - {AT, PREDICTION}
_OK = 200


def rows_of(root: str, endpoint: str) -> str:
    """Return which objects hold the rows of an endpoint, by a wildcard."""
    return f"{root}{_ROWS}{endpoint}/*.jsonl"


class CapturedRows(Objects):
    """Objects that bring each file of captured requests twice: as it is, and as rows of JSON."""

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, and its rows if it is a file of captured requests."""
        super().write(uri, content)
        if _CAPTURES in uri and uri.endswith(".parquet"):
            place, _, name = uri.removesuffix(".parquet").rpartition(_CAPTURES)
            super().write(f"{place}{_ROWS}{name}.jsonl", as_rows(content))


def as_rows(captured: bytes) -> bytes:
    """Return the inputs and predictions of requests that were answered, a line for each row."""
    lines = []
    for row in pq.read_table(io.BytesIO(captured)).to_pylist():
        if row["status"] != _OK or row["mirrored"]:
            continue
        told = {name: _plain(value) for name, value in row.items() if name not in _UNTOLD}
        lines.append(json.dumps(told))
    return "".join(f"{line}\n" for line in lines).encode()


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else _text(value)


def _text(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
