"""What a run has printed: files of lines that its first program leaves in a volume."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from blocks.contracts import LogLine
from blocks.providers.databricks.volumes import Volumes

_LAST_LINES = 20  # of a log, for a failure that says nothing else


def lines_of(volumes: Volumes, folder: str, since: datetime | None) -> Iterator[LogLine]:
    """Yield the lines after ``since``, oldest first."""
    for found in volumes.below(folder):
        if found.name.startswith("."):
            continue  # it is being written
        content = volumes.read(found.uri)
        for line in content[0].splitlines() if content else []:
            at, text = json.loads(line)
            moment = datetime.fromtimestamp(at, UTC)
            if since is None or moment > since:
                yield LogLine(at=moment, text=text)


def last_lines(volumes: Volumes, folder: str) -> list[str]:
    """Return the last few lines."""
    return [line.text for line in lines_of(volumes, folder, None)][-_LAST_LINES:]
