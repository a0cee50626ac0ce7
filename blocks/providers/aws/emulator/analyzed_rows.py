"""The rows that the emulated model monitor looks at: captured traffic, or lines of JSON."""

from __future__ import annotations

import json
import os
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Told = Mapping[str, Any]
_MOUNT = "/opt/ml/"
_SCRIPT, _FORMAT = "record_preprocessor_script", "dataset_format"  # as the image has them
_SIDES = {"endpoint_input": "endpointInput", "endpoint_output": "endpointOutput"}
_CAPTURED: Told = {"sagemakerCaptureJson": {}}
_LINES: Told = {"json": {"lines": True}}


def columns_here() -> dict[str, list[Any]]:
    """Return the values of each column, as the environment tells where they are."""
    rows = list(_rows(place("dataset_source"), os.environ.get(_SCRIPT, "")))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def place(variable: str) -> Path:
    """Return the path that a variable of the environment names."""
    return path_of(os.environ[variable])


def path_of(place: str) -> Path:
    """Return a path of the container, where it is on this machine."""
    return Path(os.environ["BLUEWATER_OPT_ML"]) / place.removeprefix(_MOUNT)


def _rows(source: Path, script: str) -> Iterator[dict[str, Any]]:
    form = json.loads(os.environ.get(_FORMAT, json.dumps(_CAPTURED)))
    if form not in (_CAPTURED, _LINES):
        raise SystemExit(f"not emulated: dataset_format {form}")
    handler = runpy.run_path(str(path_of(script)))["preprocess_handler"] if script else None
    for file in sorted(each for each in source.rglob("*") if each.is_file()):
        for line in file.read_text().splitlines():
            record = json.loads(line)
            if form == _LINES:
                yield record
                continue
            found = handler(_handed(record)) if handler else _plain(record)
            yield from [found] if isinstance(found, dict) else found


def _handed(record: Told) -> SimpleNamespace:
    data = record["captureData"]
    told = {
        name: SimpleNamespace(
            data=data[key]["data"],
            encoding=data[key]["encoding"],
            observed_content_type=data[key]["observedContentType"],
        )
        for name, key in _SIDES.items()
        if key in data
    }
    return SimpleNamespace(**told, event_metadata=SimpleNamespace(**record["eventMetadata"]))


def _plain(record: Told) -> dict[str, Any]:
    """Return the one row that a flat JSON object is."""
    data = record["captureData"]
    return {**json.loads(data["endpointInput"]["data"])}
