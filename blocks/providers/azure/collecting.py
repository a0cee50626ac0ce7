"""Captured requests once more, as Azure Machine Learning's own data collector writes them.

Its monitors read lines of JSON below ``YYYY/MM/DD/HH``, an event for each batch of rows:
https://learn.microsoft.com/azure/machine-learning/how-to-collect-production-data
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pyarrow.parquet as pq

from blocks.providers.azure.inside import INPUTS
from blocks.providers.azure.objects import Objects, Services
from blocks.serving.capture_names import OURS

_OK = 200
_HOUR = "%Y/%m/%d/%H"


class CollectingObjects(Objects):
    """Objects that, with each file of captured requests, write what Azure's monitors read."""

    def __init__(self, services: Services, folder: str, source: str) -> None:
        super().__init__(services)
        self._folder, self._source = folder, source

    def write(self, uri: str, content: bytes) -> None:
        """Write an object; a file of captured requests twice, in either form."""
        if uri.endswith(".parquet"):
            name = uri.rpartition("/")[2].removesuffix(".parquet")
            for hour, events in to_events(content, name=name, source=self._source):
                place = f"{self._folder}/{INPUTS}/{hour}/{name}.jsonl"
                super().write(place, events)
        super().write(uri, content)


def to_events(content: bytes, *, name: str, source: str) -> Iterator[tuple[str, bytes]]:
    """Yield each hour of a file of captured requests, and its rows as an event a line.

    Copies of requests and those that failed are left out: Azure's collector has neither.
    """
    rows = pq.read_table(io.BytesIO(content)).to_pylist()
    told = [each for each in rows if each["status"] == _OK and not each["mirrored"]]
    told.sort(key=lambda each: each["at"])
    for number, (hour, some) in enumerate(groupby(told, key=_hour)):
        found = list(some)
        event = {
            "specversion": "1.0",
            "id": f"{name}-{number}",
            "source": source,
            "type": "azureml.inference.inputs",
            "datacontenttype": "application/json",
            "time": _utc(found[-1]["at"]).isoformat().replace("+00:00", "Z"),
            "collectdatatype": "pandas.core.frame.DataFrame",
            "data": [_inputs(each) for each in found],
        }
        yield hour, json.dumps(event, default=str).encode() + b"\n"


def _inputs(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in OURS}
    return {name.removeprefix("input."): value for name, value in kept.items()}


def _hour(row: Mapping[str, Any]) -> str:
    return _utc(row["at"]).strftime(_HOUR)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
