"""Lines that a job wrote to CloudWatch Logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import LogLine, NotFound
from blocks.providers.aws.errors import explain
from blocks.workload.outcome import PROGRESS

_STREAMS = 100  # that one call may name
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def lines(logs: Any, group: str, prefix: str, since: datetime | None) -> Iterator[LogLine]:
    """Yield what was written to the streams of a prefix after ``since``, oldest first.

    CloudWatch knows milliseconds. Lines of one millisecond are told apart by microseconds in
    their order, so that whoever asks again after the last of them misses none. Lines that only
    tell progress are left out.
    """
    try:
        streams = _streams(logs, group, prefix)
        events = list(_events(logs, group, streams, since))
    except ClientError as error:
        if isinstance(explain(error), NotFound):
            return  # nothing was written yet
        raise
    millisecond, number = -1, 0
    for event in events:
        number = number + 1 if event["timestamp"] == millisecond else 0
        millisecond = event["timestamp"]
        at = _EPOCH + timedelta(milliseconds=millisecond, microseconds=min(number, 999))
        if (since is None or at > since) and not re.match(PROGRESS, event["message"]):
            yield LogLine(at=at, text=event["message"])


def _streams(logs: Any, group: str, prefix: str) -> Sequence[str]:
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=group, logStreamNamePrefix=prefix
    )
    return [each["logStreamName"] for page in pages for each in page["logStreams"]]


def _events(
    logs: Any, group: str, streams: Sequence[str], since: datetime | None
) -> Iterator[dict[str, Any]]:
    asked: dict[str, Any] = {"logGroupName": group}
    if since is not None:
        asked["startTime"] = int((since - _EPOCH) / timedelta(milliseconds=1))
    found: list[dict[str, Any]] = []
    for start in range(0, len(streams), _STREAMS):
        some = list(streams[start : start + _STREAMS])
        pages = logs.get_paginator("filter_log_events").paginate(logStreamNames=some, **asked)
        found += [event for page in pages for event in page["events"]]
    yield from sorted(found, key=lambda event: event["timestamp"])  # stable: order within one
