"""The data sets that Vertex AI's model monitoring reads: CSV and JSON lines of Cloud Storage."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import grpc
from google.cloud.aiplatform_v1beta1.types import ModelMonitoringInput

from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.world import World

_Dataset = ModelMonitoringInput.ModelMonitoringDataset
_Format = _Dataset.ModelMonitoringGcsSource.DataFormat
_SPAN = re.compile(r"(\d+)([wWdDhH])")
_HOURS = {"w": 168, "d": 24, "h": 1}


def rows(world: World, given: ModelMonitoringInput, cutoff: float) -> Sequence[dict[str, Any]]:
    """Return the rows of a data set that count at a moment. Raises GcpError where it has none."""
    source = given.columnized_dataset.gcs_source
    found = [row for uri in _files(world, source.gcs_uri) for row in _parsed(world, uri, source)]
    field = given.columnized_dataset.timestamp_field
    if field and "time_offset" in given:
        end = datetime.fromtimestamp(cutoff, UTC) - span(given.time_offset.offset or "0h")
        start = end - span(given.time_offset.window)
        found = [row for row in found if start <= _moment(row, field) < end]
    if not found:
        raise not_found(f"any row of {source.gcs_uri} in the time window")
    return found


def require_readable(given: ModelMonitoringInput, what: str) -> None:
    """Raise what the service says to a data set that it cannot read."""
    source = given.columnized_dataset.gcs_source
    if not source.gcs_uri.startswith("gs://"):
        raise GcpError(
            grpc.StatusCode.UNIMPLEMENTED, f"{what}: data sets of Cloud Storage are emulated"
        )
    if source.format_ not in (_Format.CSV, _Format.JSONL):
        raise GcpError(grpc.StatusCode.UNIMPLEMENTED, f"{what}: CSV and JSONL are emulated")
    if "time_offset" in given:
        if not given.columnized_dataset.timestamp_field:
            raise invalid(f"{what}: timestamp_field is required with a time window.")
        span(given.time_offset.window)


def span(text: str) -> timedelta:
    """Return a time such as ``2d``. Raises GcpError."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise invalid(f"Invalid time offset: {text!r}; only weeks, days and hours are supported.")
    return timedelta(hours=int(found[1]) * _HOURS[found[2].lower()])


def _files(world: World, pattern: str) -> Iterator[str]:
    prefix = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return (uri for uri in world.objects.walk(prefix) if fnmatchcase(uri, pattern))


def _parsed(world: World, uri: str, source: Any) -> Iterator[dict[str, Any]]:
    text = (world.objects.read(uri) or b"").decode()
    if source.format_ == _Format.CSV:
        yield from csv.DictReader(io.StringIO(text))
        return
    for line in text.splitlines():
        yield json.loads(line)


def _moment(row: dict[str, Any], field: str) -> datetime:
    try:
        return datetime.fromisoformat(row[field])
    except (KeyError, TypeError, ValueError) as error:
        raise invalid(f"The timestamp field {field} is missing or malformed.") from error
