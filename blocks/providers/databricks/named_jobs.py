"""Runs of jobs that have a name in the workspace, whose page shows all attempts together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import BaseJob

from blocks.contracts import Conflict, InvalidRequest, Unavailable
from blocks.providers.databricks.account import OWNER_TAG, DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import explain, is_missing
from blocks.providers.databricks.job_calls import to_create, to_run_now
from blocks.providers.databricks.volumes import Volumes

KIND = "job"
_SUCCESSORS = 16  # of a job that is removed in the workspace, once for each that comes after
_FIRST = "0"
_AGAIN_AFTER = (0.2, 0.4, 0.8)  # seconds


class NamedJobs:
    """Makes a job where there is none of that kind of work, and starts its runs.

    The service keeps as many jobs of one name as are made. Which one all use is decided by a note
    in the volume, which only one can write; a job that is removed has the next note after it.
    """

    def __init__(self, account: DatabricksWorkspace) -> None:
        self._account, self._volumes = account, Volumes(account)

    def started(self, call: Mapping[str, Any], name: str) -> str:
        """Start a run, or find the one of that token; return its id.

        ``call`` are the arguments that would submit it as a one-time run.
        """
        wanted = to_create(call, self._account.named(name), self._account.tags())
        before = _FIRST
        for _ in range(_SUCCESSORS):
            job = self._agreed(wanted, before)
            if (run := self._run(job, call)) is not None:
                return run
            before = job
        raise Conflict(f"job {wanted['name']} is removed again and again", code="JOB")

    def owned(self) -> Iterator[BaseJob]:
        """Yield every job of this owner."""
        mine, owner = self._account.named(""), self._account.owner
        for job in self._api.list():
            settings = job.settings
            tags = (settings.tags or {}) if settings else {}
            if settings and str(settings.name).startswith(mine) and tags.get(OWNER_TAG) == owner:
                yield job

    def remove(self, id_: str) -> None:
        """Remove a job. Gone is fine."""
        if self._is_there(id_):
            self._api.delete(int(id_))

    def _run(self, job: str, call: Mapping[str, Any]) -> str | None:
        """Start a run of a job; None if the job is gone. Asked again, the token finds the run.

        That a job is not known which is there may pass.
        """
        arguments = to_run_now(call, int(job))
        for pause in (*_AGAIN_AFTER, None):
            try:
                return str(self._account.client().jobs.run_now(**arguments).response.run_id)
            except (DatabricksError, requests.RequestException) as error:
                known = explain(error)
                if not isinstance(known, Unavailable | InvalidRequest):
                    raise
                if pause is None and (isinstance(known, Unavailable) or self._is_there(job)):
                    raise
            time.sleep(pause or 0)
        return None

    def _agreed(self, wanted: Mapping[str, Any], before: str) -> str:
        """Return the id of the job that all use after another one was removed."""
        note = f"{self._account.root}/jobs/{wanted['name']}/after-{before}"
        if kept := self._volumes.read(note):
            return kept[0].decode()
        found = self._named(wanted["name"], besides=before)
        mine = found or self._made(wanted)
        if self._volumes.swap(note, mine.encode(), etag=None):
            return mine
        kept = self._volumes.read(note)
        if kept is None:
            raise Unavailable(f"{note} is not seen yet", code="NOTE")
        agreed = kept[0].decode()
        if found is None and agreed != mine:
            self.remove(mine)  # another process was the first
        return agreed

    def _made(self, wanted: Mapping[str, Any]) -> str:
        try:
            return str(self._account.client().jobs.create(**wanted).job_id)
        except (DatabricksError, requests.RequestException) as error:
            unknown = isinstance(explain(error), Unavailable)  # it may have been done all the same
            made = self._named(wanted["name"]) if unknown else None
            if made is None:
                raise
            return made

    def _named(self, name: str, *, besides: str = "") -> str | None:
        """Return the oldest job of a name."""
        found = [job for job in self._api.list(name=name) if str(job.job_id) != besides]
        oldest = min(found, key=lambda job: (job.created_time or 0, job.job_id or 0), default=None)
        return str(oldest.job_id) if oldest else None

    def _is_there(self, id_: str) -> bool:
        try:
            self._api.get(int(id_))
        except DatabricksError as error:
            if is_missing(error):
                return False
            raise
        return True

    @property
    def _api(self) -> Any:
        return self._account.client(attempts=READS).jobs
