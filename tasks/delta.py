"""A Delta table as the files that it is made of now: below its folder there may be older ones, too.

What the log says is replayed: github.com/delta-io/delta/blob/master/PROTOCOL.md. (delta-rs does it,
too, through stores and credentials of its own; these files are read through a platform's store.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from blocks.contracts import InvalidRequest, ObjectInfo, ObjectStore

LOG = "_delta_log"
_COMMIT = re.compile(rf"{LOG}/(\d{{20}})\.json")
_CHECKPOINT = re.compile(rf"{LOG}/(\d{{20}})\.checkpoint\.parquet")
_ACTIONS = ("add", "remove", "metaData", "protocol")
_MAPPING = "delta.columnMapping.mode"
_PLAIN = {"columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
"""Features that leave the files to be read as they are, or show where they do not."""


def live_files(
    store: ObjectStore, uri: str, found: Sequence[ObjectInfo]
) -> Sequence[ObjectInfo] | None:
    """Return the files of a Delta table as it is now, of all that is below it; None if it is none.

    Raises InvalidRequest for a table whose rows are not those of its files.
    """
    root = uri.rstrip("/")
    below = {unquote(each.uri.removeprefix(f"{root}/")): each for each in found}
    if not any(_COMMIT.fullmatch(name) for name in below):
        return None
    live: dict[str, Mapping[str, Any]] = {}
    for action in _actions(store, uri, below):
        if added := action.get("add"):
            live[unquote(added["path"])] = added
        elif removed := action.get("remove"):
            live.pop(unquote(removed["path"]), None)
        elif why := _unreadable(action):
            raise _refused(uri, why)
    if any(added.get("deletionVector") for added in live.values()):
        raise _refused(uri, "marks rows of its files as deleted (deletion vectors)")
    if gone := sorted(live.keys() - below.keys()):
        raise _refused(uri, f"has lost {gone[0]}, or keeps it elsewhere")
    return [below[name] for name in sorted(live)]


def _actions(
    store: ObjectStore, uri: str, below: Mapping[str, ObjectInfo]
) -> Iterator[Mapping[str, Any]]:
    """Yield what the newest checkpoint and every commit after it say, in order."""
    commits = _numbered(_COMMIT, below)
    checkpoints = _numbered(_CHECKPOINT, below)
    last = max(checkpoints, default=-1)
    after = sorted(number for number in commits if number > last)
    if after and after != list(range(last + 1, after[-1] + 1)):
        raise _refused(uri, "has a log that begins with a checkpoint of several parts")
    if checkpoints:
        yield from _checkpoint(store, checkpoints[last])
    for number in after:
        for line in store.read(commits[number].uri).splitlines():
            yield json.loads(line)


def _checkpoint(store: ObjectStore, file: ObjectInfo) -> Iterator[Mapping[str, Any]]:
    with store.open(file.uri) as source:
        parquet = pq.ParquetFile(source)
        there = [name for name in _ACTIONS if name in parquet.schema_arrow.names]
        for rows in parquet.iter_batches(columns=there):
            for row in rows.to_pylist():
                yield {name: value for name, value in row.items() if value}


def _numbered(pattern: re.Pattern[str], below: Mapping[str, ObjectInfo]) -> dict[int, ObjectInfo]:
    matches = ((pattern.fullmatch(name), each) for name, each in below.items())
    return {int(match[1]): each for match, each in matches if match is not None}


def _unreadable(action: Mapping[str, Any]) -> str:
    """Return what keeps the files from being the table's rows, as far as an action tells."""
    about, protocol = action.get("metaData"), action.get("protocol")
    if about and about.get("partitionColumns"):
        return "keeps columns in the names of its folders (partitions)"
    if about and dict(_pairs(about.get("configuration"))).get(_MAPPING, "none") != "none":
        return "calls its columns by other names in its files (column mapping)"
    if strange := set((protocol or {}).get("readerFeatures") or ()) - _PLAIN:
        return f"has the feature {min(strange)}"
    return ""


def _pairs(configuration: Any) -> Iterable[tuple[str, str]]:
    """Return settings, which are an object in a commit, and pairs in a checkpoint."""
    return configuration.items() if isinstance(configuration, Mapping) else configuration or ()


def _refused(uri: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"{uri}: this Delta table {why}, so that its files are not its rows; write it anew as "
        "Parquet files, or as a table without that",
        code="DELTA",
    )
