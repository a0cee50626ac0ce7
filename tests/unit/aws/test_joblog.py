"""Lines of CloudWatch Logs: every one once, in order, also within one millisecond."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.joblog import lines

GROUP = "/jobs"


@pytest.fixture
def logs(account: AwsAccount) -> Any:
    client = account.client("logs")
    client.create_log_group(logGroupName=GROUP)
    return client


def write(logs: Any, stream: str, *events: tuple[int, str]) -> None:
    logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    told = [{"timestamp": at, "message": text} for at, text in events]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=told)


def test_lines_of_one_millisecond_are_told_apart(logs: Any) -> None:
    now = int(time.time() * 1000)
    texts = [f"line {number}" for number in range(5)]
    write(logs, "job/a", *[(now, text) for text in texts])
    told = list(lines(logs, GROUP, "job/", None))
    assert [line.text for line in told] == texts
    for number, line in enumerate(told):
        assert list(lines(logs, GROUP, "job/", line.at)) == told[number + 1 :]
    assert list(lines(logs, GROUP, "job/", told[0].at - timedelta(microseconds=1))) == told


def test_machines_of_one_job_are_told_together_and_other_jobs_not(logs: Any) -> None:
    now = int(time.time() * 1000)
    write(logs, "job/a", (now, "first"), (now + 2, "third"))
    write(logs, "job/b", (now + 1, "second"))
    write(logs, "job-2/a", (now, "of another"))
    assert [line.text for line in lines(logs, GROUP, "job/", None)] == ["first", "second", "third"]


def test_lines_that_tell_progress_are_left_out(logs: Any) -> None:
    now = int(time.time() * 1000)
    write(logs, "job/a", (now, "[bluewater] progress=0.5"), (now + 1, "loss 0.1"))
    assert [line.text for line in lines(logs, GROUP, "job/", None)] == ["loss 0.1"]


def test_nothing_was_written_yet(logs: Any) -> None:
    assert list(lines(logs, GROUP, "job/", None)) == []
    assert list(lines(logs, "/no/such/group", "job/", None)) == []
