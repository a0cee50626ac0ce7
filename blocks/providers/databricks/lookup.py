"""Starting, finding and stopping runs: one that was made a moment ago may not be seen yet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import requests
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.compute import TerminationReason
from databricks.sdk.service.jobs import Run

from blocks.contracts import Denied, InvalidRequest, NotFound, Unavailable
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import explain, is_missing, meaning_of
from blocks.providers.databricks.named_jobs import NamedJobs
from blocks.providers.databricks.runs import is_over, task_of

_DAY = 86400.0  # seconds
_VISIBLE_AFTER = (0.2, 0.4, 0.8)  # seconds


def submitted(account: DatabricksWorkspace, call: Mapping[str, Any], *, job: str = "") -> str:
    """Start a run, of a job that has that name if one is given; return its id.

    The token is the service's own: who asks again is told the run that there is. Where no answer
    came, or one about something else, it is looked for by its name, which is the token, too.
    """
    if job:
        return NamedJobs(account).started(call, job)
    try:
        return str(account.client().jobs.submit(**call).response.run_id)
    except (DatabricksError, requests.RequestException) as error:
        known = explain(error)
        if isinstance(known, Denied):
            raise  # nothing was made, and who may not make a run may not look for one either
        unknown = isinstance(known, Unavailable)  # it may have been done all the same
        found = _run_named(account, call["run_name"], patient=unknown)
        if found is None:
            raise
        return found


def found_run(account: DatabricksWorkspace, id_: str, *, patient: bool = True) -> Run | None:
    """Return a run by its id, or None if there is none; if patient, also in a moment."""
    if not id_.isdecimal() or not int(id_):
        return None
    jobs = account.client(attempts=READS).jobs
    for pause in (*(_VISIBLE_AFTER if patient else ()), None):
        try:
            return jobs.get_run(int(id_))
        except DatabricksError as error:
            if not is_missing(error):
                raise
            if pause is not None:
                time.sleep(pause)
    return None


def cancel_run(account: DatabricksWorkspace, id_: str) -> None:
    """Ask a run to stop. What is over, or was never there, needs none."""
    if not id_.isdecimal() or not int(id_):
        return
    for pause in (*_VISIBLE_AFTER, None):
        try:
            account.client().jobs.cancel_run(int(id_))
            return
        except DatabricksError as error:
            run = found_run(account, id_)
            if run is None or is_over(run):
                return
            # that a run is not known which is there may pass
            if pause is None or meaning_of(error) not in (InvalidRequest, NotFound):
                raise
            time.sleep(pause)


def reason_of_cluster(account: DatabricksWorkspace, run: Run) -> TerminationReason | None:
    """Return why the cluster of a run ended."""
    cluster = task_of(run).cluster_instance
    if cluster is None or not cluster.cluster_id:
        return None
    told = account.client(attempts=READS).clusters.get(cluster.cluster_id)
    return told.termination_reason


def _run_named(account: DatabricksWorkspace, name: str, *, patient: bool) -> str | None:
    """Return the id of a run of the last day by its name, or None if there is none."""
    jobs, day = account.client(attempts=READS).jobs, int((time.time() - _DAY) * 1000)
    for pause in (*(_VISIBLE_AFTER if patient else ()), None):
        for run in jobs.list_runs(start_time_from=day):
            if run.run_name == name:
                return str(run.run_id)
        if pause is not None:
            time.sleep(pause)
    return None
