"""The calls by which a view of captured requests is profiled, and its tables are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.dataquality import CronSchedule, RefreshState

from blocks.contracts import Failure, MonitoringSchedule, MonitorLook, NotFound, Phase, Window
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import is_missing
from blocks.providers.databricks.warehouse import Row, rows
from blocks.providers.databricks.watching_calls import (
    TABLE,
    quoted,
    to_baseline,
    to_monitor,
    to_select_drift,
    to_select_profile,
    to_view,
)

_SCHEDULE = "data_profiling_config.schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiling:
    """One view with its baseline and its monitor; ``name`` is how their names begin."""

    account: DatabricksWorkspace
    name: str

    @property
    def view(self) -> str:
        """Return the full name of what is monitored."""
        return self._table("requests")

    def is_there(self) -> bool:
        """Whether there is a monitor."""
        id_ = self._id()
        return bool(id_) and self._found(lambda: self._quality.get_monitor(TABLE, id_)) is not None

    def make(self, schedule: MonitoringSchedule, cron: CronSchedule) -> None:
        """Make the view, the baseline and the monitor be as a schedule says."""
        baseline, account = self._table("baseline"), self.account
        self._run(to_baseline(baseline, schedule.baseline_uri))
        columns = self._client.tables.get(baseline).columns
        captures = f"{account.root}/captures/{schedule.endpoint}"
        query = to_view(columns, captures=captures, every=schedule.every)
        known = bool(self._id())  # a view keeps its id when it is altered
        self._run(f"{'ALTER' if known else 'CREATE'} VIEW {quoted(self.view)} AS {query}")
        schema = self._client.schemas.get(f"{account.catalog}.{account.schema_name}")
        monitor = to_monitor(
            self._id(),
            output_schema_id=schema.schema_id,
            baseline=baseline,
            cron=cron,
            warehouse=account.warehouse,
        )
        if self.is_there():
            self._quality.update_monitor(TABLE, monitor.object_id, monitor, _SCHEDULE)
        else:
            self._quality.create_monitor(monitor)

    def drop(self) -> None:
        """Take away all of it but what the monitor has written. Gone is fine."""
        if id_ := self._id():
            self._found(lambda: self._quality.delete_monitor(TABLE, id_))
        self._run(f"DROP VIEW IF EXISTS {quoted(self.view)}")
        self._run(f"DROP TABLE IF EXISTS {quoted(self._table('baseline'))}")

    def metrics(self, window: Window) -> tuple[list[Row], list[Row]]:
        """Return what the tables tell of looks in a window: profiles, and drifts."""
        given = {
            "start": _told(window.start),
            "end": _told(window.end),
        }
        try:
            return (
                list(rows(self.account, to_select_profile(self.view), **given)),
                list(rows(self.account, to_select_drift(self.view), **given)),
            )
        except NotFound:
            return [], []  # the first look makes the tables

    def failed(self, window: Window) -> Iterator[MonitorLook]:
        """Yield the looks in a window that came to nothing, as long as there is a monitor."""
        id_ = self._id()
        refreshes = self._found(lambda: list(self._quality.list_refresh(TABLE, id_))) if id_ else []
        for each in refreshes or ():
            at = datetime.fromtimestamp((each.start_time_ms or 0) / 1000, UTC)
            over = each.state is RefreshState.MONITOR_REFRESH_STATE_FAILED
            if over and window.start <= at < window.end:
                failure = Failure(code="REFRESH", message=each.message or "")
                yield MonitorLook(at=at, phase=Phase.FAILED, failure=failure)

    def _table(self, what: str) -> str:
        named = f"{self.name}_{what}".replace("-", "_")
        return f"{self.account.catalog}.{self.account.schema_name}.{named}"

    def _id(self) -> str:
        """Return the id of the view; empty if there is none."""
        found = self._found(lambda: self._client.tables.get(self.view))
        return str(found.table_id) if found is not None else ""

    def _run(self, statement: str) -> None:
        list(rows(self.account, statement))

    def _found(self, call: Callable[[], Any]) -> Any:
        """Return what a call returns; None where what it is about is not there."""
        try:
            return call()
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise

    @property
    def _client(self) -> Any:
        return self.account.client(attempts=READS)

    @property
    def _quality(self) -> Any:
        return self._client.data_quality


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
