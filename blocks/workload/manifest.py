"""What makes a folder a checkpoint: a manifest that vouches for every byte of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.workload.digests import file_digest, files
from blocks.workload.durable import sync_file, sync_folder, write_json

NAME = "manifest.json"


class CorruptCheckpoint(ValueError):
    """The folder is not what its manifest says: half-written, damaged or tampered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A saved state that was verified when it was found."""

    folder: Path
    step: int
    metrics: Mapping[str, float]


def seal(folder: Path, step: int, metrics: Mapping[str, float]) -> None:
    """Bring the folder to disk and write its manifest last."""
    names = [name for name in files(folder) if name != NAME]
    for name in names:
        sync_file(folder / name)
    body = {
        "step": step,
        "metrics": {name: float(value) for name, value in metrics.items()},
        "files": {
            name: {"size": (folder / name).stat().st_size, "sha256": file_digest(folder / name)}
            for name in names
        },
    }
    write_json(folder / NAME, {"body": body, "sha256": _checksum(body)})
    sync_folder(folder)


def verify(folder: Path) -> Checkpoint:
    """Read every byte and return the checkpoint. Raises CorruptCheckpoint with the first fault."""
    body = _body(folder)
    present = {name for name in files(folder) if name != NAME}
    for name, said in body["files"].items():
        if name not in present:
            raise CorruptCheckpoint(f"{folder.name}: {name} is missing")
        size = (folder / name).stat().st_size
        if size != said["size"]:
            raise CorruptCheckpoint(f"{folder.name}: {name} has {size} bytes, not {said['size']}")
        if file_digest(folder / name) != said["sha256"]:
            raise CorruptCheckpoint(f"{folder.name}: {name} has other content than was saved")
    return Checkpoint(folder=folder, step=body["step"], metrics=body["metrics"])


def _body(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / NAME).read_text())
        body: dict[str, Any] = manifest["body"]
        if manifest["sha256"] != _checksum(body):
            raise CorruptCheckpoint(f"{folder.name}: the manifest is damaged")
    except FileNotFoundError:
        raise CorruptCheckpoint(f"{folder.name}: no manifest, so it was never finished") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptCheckpoint(f"{folder.name}: the manifest cannot be read: {error}") from error
    return body


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
