"""Data quality monitors: snapshots of tables and views, profiled when they are due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from blocks.providers.databricks.emulator.catalog import Catalog
from blocks.providers.databricks.emulator.cron import next_due
from blocks.providers.databricks.emulator.dialect import Failed
from blocks.providers.databricks.emulator.drift import drift, is_numeric, profile
from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.tables import Tables
from blocks.providers.databricks.emulator.world import World

_STATE, _BY_SCHEDULE = "MONITOR_REFRESH_STATE_", "MONITOR_REFRESH_TRIGGER_SCHEDULE"
_MANAGE = "table MANAGE"  # whoever made it has that
_WHOLE = ":table"
_WINDOW = {"window": "WINDOW", "granularity": "STRING", "monitor_version": "BIGINT"}
_SLICE = {"slice_key": "STRING", "slice_value": "STRING", "column_name": "STRING"}
_PROFILE = {
    **_WINDOW,
    **_SLICE,
    "data_type": "STRING",
    "log_type": "STRING",
    "count": "BIGINT",
    "num_nulls": "BIGINT",
    "distinct_count": "BIGINT",
    "percent_null": "DOUBLE",
    "percent_distinct": "DOUBLE",
    "avg": "DOUBLE",
    "min": "DOUBLE",
    "max": "DOUBLE",
    "stddev": "DOUBLE",
    "num_zeros": "BIGINT",
}
_DRIFT = {
    **_WINDOW,
    "drift_type": "STRING",
    **_SLICE,
    "data_type": "STRING",
    "count_delta": "BIGINT",
    "avg_delta": "DOUBLE",
    "percent_null_delta": "DOUBLE",
    "percent_distinct_delta": "DOUBLE",
    "ks_test": "KS",
    "tv_distance": "DOUBLE",
    "l_infinity_distance": "DOUBLE",
    "js_distance": "DOUBLE",
    "wasserstein_distance": "DOUBLE",
    "population_stability_index": "DOUBLE",
}


@dataclass(slots=True, kw_only=True)
class Monitor:
    """One monitor of a table."""

    table: str
    output: str  # catalog and schema
    config: Said
    by: str
    since: float  # of the cloud's time: what was due by then is over
    version: int = 0
    refreshes: list[Said] = field(default_factory=list)

    @property
    def cron(self) -> str:
        """When it is due; empty for one that nobody scheduled."""
        return str((self.config.get("schedule") or {}).get("quartz_cron_expression", ""))


class Monitors:
    """Monitors by the id of their table. They catch up with the clock when somebody looks."""

    def __init__(self, world: World, tables: Tables, schemas: Catalog) -> None:
        self._world, self._tables, self._schemas = world, tables, schemas
        self._monitors: dict[str, Monitor] = {}
        self._made: list[str] = []
        tables.before = self.catch_up
        world.levers["monitors-made"] = lambda _: list(self._made)

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "dataquality:DataQualityAPI"
        return (
            Route(sdk=f"{api}.create_monitor", action=_MANAGE, handler=self._create),
            Route(sdk=f"{api}.get_monitor", action=_MANAGE, handler=self._get),
            Route(sdk=f"{api}.update_monitor", action=_MANAGE, handler=self._update),
            Route(sdk=f"{api}.delete_monitor", action=_MANAGE, handler=self._delete),
            Route(sdk=f"{api}.list_refresh", action=_MANAGE, handler=self._refreshes),
        )

    def catch_up(self) -> None:
        """Look at everything that was due since it was last asked."""
        now = self._world.clock.now()
        for monitor in list(self._monitors.values()):
            while monitor.cron and (due := next_due(monitor.cron, monitor.since)) <= now:
                monitor.since = due
                self._refresh(monitor, due)

    def _create(self, asked: Asked) -> Said:
        body = asked.body
        table = self._of_table(body["object_type"], body["object_id"])
        if body["object_id"] in self._monitors:
            raise Refused("ALREADY_EXISTS", f"A monitor of '{table}' already exists.", 409)
        config = body.get("data_profiling_config") or {}
        kinds = [each for each in ("snapshot", "time_series", "inference_log") if each in config]
        if kinds != ["snapshot"]:
            raise Refused("NOT_IMPLEMENTED", "only snapshot profiles are emulated", 501)
        self._check(config)
        monitor = Monitor(
            table=table,
            output=self._schemas.named(config["output_schema_id"]),
            config=config,
            by=asked.caller,
            since=self._world.clock.now(),
        )
        self._monitors[body["object_id"]] = monitor
        self._made.append(table)
        return self._told(body["object_id"])

    def _get(self, asked: Asked) -> Said:
        self._of_table(asked["object_type"], asked["object_id"])
        return self._told(asked["object_id"])

    def _update(self, asked: Asked) -> Said:
        monitor = self._known(asked["object_id"])
        if asked.query.get("update_mask") != "data_profiling_config.schedule":
            raise Refused("NOT_IMPLEMENTED", "only schedules can be changed here", 501)
        config = {**monitor.config, "schedule": asked.body["data_profiling_config"].get("schedule")}
        self._check(config)
        self.catch_up()
        monitor.config, monitor.since = config, self._world.clock.now()
        monitor.version += 1
        return self._told(asked["object_id"])

    def _delete(self, asked: Asked) -> Said:
        self._known(asked["object_id"])
        self.catch_up()
        del self._monitors[asked["object_id"]]
        return {}

    def _refreshes(self, asked: Asked) -> Said:
        self.catch_up()
        return {"refreshes": list(reversed(self._known(asked["object_id"]).refreshes))}

    def _check(self, config: Said) -> None:
        baseline, schedule = config.get("baseline_table_name"), config.get("schedule") or {}
        if baseline and not self._tables.exists(baseline):
            raise missing(f"Table '{baseline}' does not exist.")
        if schedule:
            next_due(schedule["quartz_cron_expression"], self._world.clock.now())
            if schedule["timezone_id"] != "UTC":
                raise Refused("NOT_IMPLEMENTED", "only the time zone UTC is emulated", 501)

    def _refresh(self, monitor: Monitor, due: float) -> None:
        """Profile a table as it is at a moment."""
        moment = int(due * 1000)
        told: Said = {
            "object_type": "table",
            "object_id": self._tables.id_of(monitor.table),
            "refresh_id": len(monitor.refreshes) + 1,
            "start_time_ms": moment,
            "end_time_ms": moment,
            "trigger": _BY_SCHEDULE,
        }
        try:
            self._profile(monitor, due)
            told["state"] = f"{_STATE}SUCCESS"
        except Failed as error:
            told |= {"state": f"{_STATE}FAILED", "message": str(error)}
        monitor.refreshes.append(told)

    def _profile(self, monitor: Monitor, due: float) -> None:
        here = self._tables.columns(monitor.table, at=due)
        baseline = monitor.config.get("baseline_table_name")
        there = self._tables.columns(baseline, at=due) if baseline else {}
        moment = datetime.fromtimestamp(due, UTC)
        common = {
            "window": {"start": moment, "end": moment},
            "monitor_version": monitor.version,
        }
        count = len(next(iter(here.values()), []))
        profiles = [{"column_name": _WHOLE, "count": count, "log_type": "INPUT"}]
        for log_type, columns in (("INPUT", here), ("BASELINE", there)):
            for name, values in columns.items():
                kind = {"column_name": name, "log_type": log_type, "data_type": _kind(values)}
                profiles.append({**kind, **profile(values)})
        drifts = []
        for name in here.keys() & there.keys() if count else ():
            told = drift(here[name], there[name])
            if (statistic := told.pop("ks_statistic", None)) is not None:
                told["ks_test"] = {"statistic": statistic}
            kind = {"column_name": name, "drift_type": "BASELINE", "data_type": _kind(here[name])}
            drifts.append({**kind, **told})
        place = f"{monitor.output}.{monitor.table.rpartition('.')[2]}"
        self._write(f"{place}_profile_metrics", _PROFILE, monitor.by, profiles, common)
        self._write(f"{place}_drift_metrics", _DRIFT, monitor.by, drifts, common)

    def _write(
        self, name: str, kinds: dict[str, str], owner: str, rows: list[Said], common: Said
    ) -> None:
        self._tables.plan(name, kinds, owner)
        self._tables.make(name)
        for row in rows:
            told = common | row
            self._tables.add(name, [told.get(column) for column in kinds], at=0.0)

    def _told(self, id_: str) -> Said:
        monitor = self._known(id_)
        place = f"{monitor.output}.{monitor.table.rpartition('.')[2]}"
        config = monitor.config | {
            "monitored_table_name": monitor.table,
            "monitor_version": monitor.version,
            "status": "DATA_PROFILING_STATUS_ACTIVE",
            "profile_metrics_table_name": f"{place}_profile_metrics",
            "drift_metrics_table_name": f"{place}_drift_metrics",
        }
        return {"object_type": "table", "object_id": id_, "data_profiling_config": config}

    def _known(self, id_: str) -> Monitor:
        if id_ not in self._monitors:
            raise missing(f"There is no monitor of the table with id {id_}.")
        return self._monitors[id_]

    def _of_table(self, kind: str, id_: str) -> str:
        if kind != "table":
            raise invalid("data_profiling_config is for objects of the type table.")
        name = self._tables.named(id_)
        if not name:
            raise missing(f"There is no table with id {id_}.")
        return name


def _kind(values: Sequence[Any]) -> str:
    kept = [each for each in values if each is not None]
    return "double" if kept and is_numeric(kept) else "string"
