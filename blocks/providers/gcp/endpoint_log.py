"""What the containers of an endpoint wrote to Cloud Logging."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.types import LogEntry

from blocks.cloud.logged_ticks import TICK
from blocks.providers.gcp.account import READS, GcpAccount

LAST_WORDS = 1500  # characters of a container's log
_LINES = 200
_PAGE = 1000  # entries at once: reads are counted per minute


def ticks_logged(
    account: GcpAccount, source: str, start: datetime, end: datetime
) -> Iterator[tuple[str, float]]:
    """Yield the lines that are ticks, and when each had reached the log, in seconds.

    ``source`` is a filter that finds the containers of an endpoint.
    """
    words = [
        source,
        f'timestamp>="{start.isoformat()}"',
        f'timestamp<"{end.isoformat()}"',
        f'"{TICK}"',
    ]
    for entry in _entries(account, " AND ".join(words), order="timestamp asc"):
        text = text_of(entry)
        if text.startswith(TICK):
            yield text, entry.receive_timestamp.timestamp()


def last_words(account: GcpAccount, endpoint: str, deployed_model: str) -> str:
    """Return the end of the log of a deployed model's containers."""
    return words_of(
        account, f'{source_of(account, endpoint)} AND labels.deployed_model_id="{deployed_model}"'
    )


def words_of(account: GcpAccount, asked: str) -> str:
    """Return the end of what a filter finds, in the order in which it was written."""
    lines = []
    for entry in _entries(account, asked, order="timestamp desc"):
        if not text_of(entry).startswith(TICK):
            lines.append(text_of(entry))
        if len(lines) == _LINES:
            break
    return "\n".join(reversed(lines))[-LAST_WORDS:]


def text_of(entry: LogEntry) -> str:
    """Return the line of an entry; Vertex AI may wrap it as a message."""
    if "json_payload" in entry:
        return str(entry.json_payload.get("message", ""))
    return str(entry.text_payload)


def source_of(account: GcpAccount, endpoint: str) -> str:
    """Return the filter that finds what containers of an endpoint of Vertex AI wrote."""
    log = f"projects/{account.project_id}/logs/aiplatform.googleapis.com%2Fprediction_container"
    return (
        f'resource.type="aiplatform.googleapis.com/Endpoint"'
        f' AND resource.labels.endpoint_id="{account.named(endpoint)}"'
        f' AND log_name="{log}"'
    )


def _entries(account: GcpAccount, asked: str, *, order: str) -> Iterator[LogEntry]:
    logs = account.client(LoggingServiceV2Client)
    request = {
        "resource_names": [f"projects/{account.project_id}"],
        "filter": asked,
        "order_by": order,
        "page_size": _PAGE,
    }
    yield from logs.list_log_entries(request, **READS)
