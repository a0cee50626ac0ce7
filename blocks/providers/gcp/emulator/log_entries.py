"""Cloud Logging: entries that containers and services write, and that callers list by filter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.cloud.logging_v2.types import (
    ListLogEntriesRequest,
    ListLogEntriesResponse,
    LogEntry,
    WriteLogEntriesRequest,
    WriteLogEntriesResponse,
)

from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.pages import part
from blocks.providers.gcp.emulator.refusals import invalid
from blocks.providers.gcp.emulator.routes import Answer

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """An entry, and the same as a filter reads it."""

    entry: LogEntry
    told: Mapping[str, Any]


class LogEntries:
    """The entries of one project. Safe to use from many threads.

    They are stamped with our own time, each later than the one before.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._kept: list[_Kept] = []
        self._last = 0

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers methods of Cloud Logging, by name."""
        return {
            "LoggingServiceV2.ListLogEntries": self._list,
            "LoggingServiceV2.WriteLogEntries": self._write,
        }

    def write(
        self,
        log: str,
        text: str,
        *,
        kind: str,
        labels: Mapping[str, str],
        entry_labels: Mapping[str, str] | None = None,
        severity: str = "INFO",
    ) -> None:
        """Write one line of a resource, such as an ``ml_job``, to a log of that name.

        ``labels`` are the resource's, ``entry_labels`` the line's own.
        """
        entry = LogEntry(
            log_name=f"projects/{self._project}/logs/{log}",
            resource={"type": kind, "labels": {"project_id": self._project, **labels}},
            text_payload=text,
            severity=severity,
            labels=dict(entry_labels or {}),
        )
        self._keep(entry)

    def _keep(self, entry: LogEntry) -> None:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            entry.timestamp = datetime.fromtimestamp(self._last / 1e6, UTC)
            entry.receive_timestamp = entry.timestamp
            entry.insert_id = f"{self._last:x}"
            told = type(entry).to_dict(entry, use_integers_for_enums=False)
            told["timestamp"] = _stamp(entry.timestamp)
            self._kept.append(_Kept(entry=entry, told=told))

    def _write(self, asked: WriteLogEntriesRequest) -> WriteLogEntriesResponse:
        for entry in asked.entries:
            whole = LogEntry(
                log_name=entry.log_name or asked.log_name,
                resource=entry.resource or asked.resource,
                labels={**asked.labels, **entry.labels},
                severity=entry.severity,
            )
            if "text_payload" in entry:
                whole.text_payload = entry.text_payload
            elif "json_payload" in entry:
                whole.json_payload = entry.json_payload
            self._keep(whole)
        return WriteLogEntriesResponse()

    def _list(self, asked: ListLogEntriesRequest) -> ListLogEntriesResponse:
        if not asked.resource_names:
            raise invalid("The field resource_names is required but missing.")
        if asked.order_by not in ("", "timestamp asc", "timestamp desc"):
            raise invalid(f"Invalid order_by: {asked.order_by!r}")
        meets = matcher(_comparable(asked.filter))
        with self._lock:
            kept = list(self._kept)
        if asked.order_by == "timestamp desc":
            kept.reverse()
        found = [each.entry for each in kept if meets(each.told)]
        some, token = part(found, asked, size=_PAGE)
        return ListLogEntriesResponse(entries=some, next_page_token=token)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def _comparable(text: str) -> str:
    """Return a filter whose times are written as entries' times are here: in UTC, to the micro."""
    parts = text.split('"')
    for number in range(1, len(parts), 2):
        if (
            parts[number - 1].rstrip().endswith((">", "<", "="))
            and "timestamp" in parts[number - 1]
        ):
            parts[number] = _stamp(datetime.fromisoformat(parts[number]).astimezone(UTC))
    return '"'.join(parts)
