"""What the workspace's run history tells of a job: times, the error, the lines of its log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from azure.storage.blob import BlobClient

from blocks.contracts import LogLine
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.data_plane import DataPlane
from blocks.providers.azure.lookup import READS
from blocks.workload.outcome import PROGRESS

_LOGS = "user_logs/"
_TAIL = 16 << 10  # bytes of a log that are read for its last lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as the history has it."""

    began: datetime | None
    ended: datetime | None
    code: str  # of the error; empty without one
    message: str
    logs: tuple[str, ...]  # links to its logs, of one machine after the other


class History:
    """The run history of one workspace."""

    def __init__(self, account: AzureAccount) -> None:
        self._account = account
        self._plane = DataPlane(account)

    def run(self, name: str) -> Run | None:
        """Return a run; None if the history has none of that name."""
        run = self._account.resource(f"runs/{name}/details")
        told = self._plane.find(f"{self._plane.url}/history/v1.0{run}")
        return from_run_details(told) if told is not None else None

    def lines(self, run: Run, first: datetime, since: datetime | None) -> Iterator[LogLine]:
        """Yield the lines of a run's logs, without those that only tell progress.

        Azure keeps no time of a line. Each is told as so many microseconds after ``first`` as
        there are lines before it, so that whoever asks again after the last misses none.
        """
        content = [self._blob(link).download_blob().readall() for link in run.logs]
        lines = [text for each in content for text in each.decode(errors="replace").splitlines()]
        for number, text in enumerate(lines, start=1):
            at = first + timedelta(microseconds=number)
            if (since is None or at > since) and not re.match(PROGRESS, text):
                yield LogLine(at=at, text=text)

    def last_lines(self, run: Run) -> list[str]:
        """Return the end of a run's first log, lines that tell progress among them."""
        if not run.logs:
            return []
        blob = self._blob(run.logs[0])
        size = blob.get_blob_properties().size
        if not size:
            return []
        start = max(0, size - _TAIL)
        content = blob.download_blob(offset=start, length=_TAIL).readall()
        lines: list[str] = content.decode(errors="replace").splitlines()
        return lines[1:] if start else lines  # the first one may be cut

    def _blob(self, link: str) -> BlobClient:
        return BlobClient.from_blob_url(link, **self._account.options(READS))


def from_run_details(told: Mapping[str, Any]) -> Run:
    """Return what the details of a run mean."""
    error = (told.get("error") or {}).get("error") or {}
    links: Mapping[str, str] = told.get("logFiles") or {}
    return Run(
        began=_moment(told.get("startTimeUtc")),
        ended=_moment(told.get("endTimeUtc")),
        code=str(error.get("code") or ""),
        message=str(error.get("message") or ""),
        logs=tuple(links[name] for name in sorted(links) if name.startswith(_LOGS)),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
