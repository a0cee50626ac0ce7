"""Looking for runs: one that was made a moment ago may not be seen yet."""

from __future__ import annotations

import time

from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.compute import TerminationReason
from databricks.sdk.service.jobs import Run

from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import is_missing
from blocks.providers.databricks.runs import is_over, task_of

_VISIBLE_AFTER = (0.2, 0.4, 0.8)  # seconds


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
    try:
        account.client().jobs.cancel_run(int(id_))
    except DatabricksError:
        run = found_run(account, id_)  # it is over, was never there, or was not seen yet
        if run is not None and not is_over(run):
            raise


def reason_of_cluster(account: DatabricksWorkspace, run: Run) -> TerminationReason | None:
    """Return why the cluster of a run ended."""
    cluster = task_of(run).cluster_instance
    if cluster is None or not cluster.cluster_id:
        return None
    told = account.client(attempts=READS).clusters.get(cluster.cluster_id)
    return told.termination_reason
