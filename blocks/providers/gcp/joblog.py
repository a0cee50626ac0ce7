"""Lines that a job wrote to Cloud Logging."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.types import LogEntry

from blocks.contracts import LogLine
from blocks.providers.gcp.account import READS, GcpAccount

_PAGE = 1000  # entries that one call may tell


def lines(account: GcpAccount, job: str, since: datetime | None) -> Iterator[LogLine]:
    """Yield what the containers of a job wrote after ``since``, oldest first.

    Times are told to the microsecond. Lines of one microsecond are told apart by the next ones, so
    that whoever asks again after the last of them misses none.
    """
    told = _of(job) + (f' AND timestamp>="{since.astimezone(UTC).isoformat()}"' if since else "")
    last = datetime.min.replace(tzinfo=UTC)
    for entry in _entries(account, told, "timestamp asc"):
        at = max(_at(entry), last + timedelta(microseconds=1))
        last = at
        if since is None or at > since:
            yield LogLine(at=at, text=_text(entry))


def last_lines(account: GcpAccount, job: str, count: int) -> str:
    """Return the last lines of a job, oldest first."""
    found = []
    for entry in _entries(account, _of(job), "timestamp desc", size=count):
        found.append(_text(entry))
        if len(found) == count:
            break
    return "\n".join(reversed(found))


def _of(job: str) -> str:
    """Return the filter that leaves a job's own lines, without those of the service."""
    return (
        f'resource.type="ml_job" AND resource.labels.job_id="{job}" '
        'AND resource.labels.task_name!="service"'
    )


def _entries(account: GcpAccount, told: str, order: str, size: int = _PAGE) -> Iterator[LogEntry]:
    asked = {
        "resource_names": [f"projects/{account.project_id}"],
        "filter": told,
        "order_by": order,
        "page_size": size,
    }
    yield from account.client(LoggingServiceV2Client).list_log_entries(request=asked, **READS)


def _at(entry: LogEntry) -> datetime:
    at: Any = entry.timestamp  # with nanoseconds, which a datetime has no place for
    day = at.year, at.month, at.day
    return datetime(*day, at.hour, at.minute, at.second, at.microsecond, tzinfo=UTC)


def _text(entry: LogEntry) -> str:
    if "json_payload" in entry:
        return str(dict(entry.json_payload).get("message", ""))
    return str(entry.text_payload)
