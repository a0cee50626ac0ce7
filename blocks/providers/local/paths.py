"""Paths of this machine as the ``file://`` URIs that contracts carry."""

from __future__ import annotations

from pathlib import Path

from blocks.contracts import InvalidRequest
from blocks.workload.places import local_path


def path_of(uri: str) -> Path:
    """Return the path of a ``file://`` URI. Raises InvalidRequest for any other scheme."""
    path = local_path(uri) if uri.startswith("file://") else None
    if path is None:
        raise InvalidRequest(
            f"{uri!r} is not on this machine; give a file:// URI, or choose a provider that "
            "reads that place",
            code="SCHEME",
        )
    return path
