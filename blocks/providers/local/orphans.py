"""Jobs whose runner was killed: they go on, and whoever looks at them takes over its duties."""

from __future__ import annotations

import contextlib
import os
import signal
from datetime import UTC, datetime, timedelta

from blocks.providers.local import processes
from blocks.providers.local.jobs import Command, Job, JobFolder, Started, StopOrder, StopReason


def tend(job: Job, folder: JobFolder) -> None:
    """End an overdue or ordered job that has no runner: SIGTERM, and SIGKILL after the grace."""
    started, command = folder.read(Started), folder.read(Command)
    if started is None or processes.alive(started.runner):
        return
    now = datetime.now(UTC)
    if now - started.at > job.request.max_duration:
        folder.order_stop(StopReason.OVERDUE)
    order = folder.read(StopOrder)
    if order is None:
        return
    grace = job.market.notice if order.reason is StopReason.RECLAIMED else job.grace
    if command is None or now > order.at + timedelta(seconds=grace):
        kill_all(job, folder)
    elif processes.alive(command.process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(command.process.pid, signal.SIGTERM)


def kill_all(job: Job, folder: JobFolder) -> None:
    """Kill every process that carries the job's mark, except the one that calls."""
    for found in processes.owned(job.owner):
        if found.resource == folder.resource and found.identity.pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.identity.pid, signal.SIGKILL)
