"""A model monitor in Databricks' words, and what its tables say in ours. Pure.

What is watched is a view: the captured requests of the time since the last look. The monitor makes
a snapshot of it when it is due, and compares that with a table of the baseline's rows.
https://docs.databricks.com/aws/en/lakehouse-monitoring/monitor-output
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from databricks.sdk.service.catalog import ColumnInfo
from databricks.sdk.service.dataquality import (
    CronSchedule,
    DataProfilingConfig,
    Monitor,
    SnapshotConfig,
)

from blocks.contracts import (
    Check,
    InvalidRequest,
    MonitorFinding,
    MonitorLook,
    Phase,
)
from blocks.providers.databricks.places import path_of
from blocks.providers.databricks.warehouse import Row
from blocks.serving.capture_names import OURS

TABLE = "table"  # the kind of what is monitored
LATE = timedelta(minutes=2)  # that captured requests may need to arrive: a look leaves these out
PROFILE, DRIFT = "_profile_metrics", "_drift_metrics"  # what follows the name of what is monitored
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_NUMERIC, _CATEGORICAL = "population_stability_index", "js_distance"
_NULLS = "percent_null_delta"
_OTHERS = {"at": "TIMESTAMP", "mirrored": "BOOLEAN"}  # columns of captured requests
_BASELINE = """\
CREATE OR REPLACE TABLE {TABLE} AS
SELECT * FROM read_files('{PATH}', format => 'parquet')
"""
_QUERY = """\
SELECT {COLUMNS}
FROM read_files('{PATH}', format => 'parquet', schema => '{SCHEMA}')
WHERE `at` >= current_timestamp() - INTERVAL '{SINCE}' SECOND
  AND `at` < current_timestamp() - INTERVAL '{UNTIL}' SECOND
  AND NOT `mirrored`
"""
_PROFILES = """\
SELECT `window`.start AS looked, `count` AS `rows` FROM {TABLE}
WHERE column_name = ':table' AND log_type = 'INPUT' AND slice_key IS NULL
  AND `window`.start >= CAST(:start AS TIMESTAMP) AND `window`.start < CAST(:end AS TIMESTAMP)
ORDER BY 1
"""
_DRIFTS = """\
SELECT `window`.start AS looked, column_name,
  population_stability_index, js_distance, percent_null_delta
FROM {TABLE}
WHERE drift_type = 'BASELINE' AND slice_key IS NULL
  AND `window`.start >= CAST(:start AS TIMESTAMP) AND `window`.start < CAST(:end AS TIMESTAMP)
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a statistic is a finding: Databricks itself only tells it."""

    drift_of_numbers: float
    drift_of_words: float
    missing: float  # percentage points


def to_cron(every: timedelta, now: datetime) -> CronSchedule:
    """Return when looks are due: first after one whole time from now. Raises InvalidRequest."""
    at, hours = now.astimezone(UTC), every / _HOUR
    if every == _DAY:
        hour, days = str(at.hour), "* * ?"
    elif every == 7 * _DAY:
        hour, days = str(at.hour), f"? * {at:%a}".upper()
    elif hours.is_integer() and hours < 24 and 24 % hours == 0:
        hour, days = ("*" if hours == 1 else f"{at.hour % int(hours)}/{int(hours)}"), "* * ?"
    else:
        raise InvalidRequest(
            f"every is {every}, and a monitor's cron cannot say that; take a part of a day in "
            "whole hours, a day or a week",
            code="EVERY",
        )
    return CronSchedule(
        quartz_cron_expression=f"{at.second} {at.minute} {hour} {days}", timezone_id="UTC"
    )


def to_monitor(
    table_id: str, *, output_schema_id: str, baseline: str, cron: CronSchedule, warehouse: str
) -> Monitor:
    """Return the monitor of a view."""
    return Monitor(
        object_type=TABLE,
        object_id=table_id,
        data_profiling_config=DataProfilingConfig(
            output_schema_id=output_schema_id,
            baseline_table_name=baseline,
            snapshot=SnapshotConfig(),
            schedule=cron,
            skip_builtin_dashboard=True,
            warehouse_id=warehouse,
        ),
    )


def to_baseline(table: str, uri: str) -> str:
    """Return the statement that makes a table of the baseline's rows."""
    return _filled(_BASELINE, TABLE=quoted(table), PATH=path_of(uri))


def to_view(columns: Sequence[ColumnInfo], *, captures: str, every: timedelta) -> str:
    """Return the query of the view: the columns of the baseline, as they were asked about."""
    kinds = {str(each.name): str(each.type_text) for each in columns}
    read = {**{_captured(name): kind for name, kind in kinds.items()}, **_OTHERS}
    return _filled(
        _QUERY,
        COLUMNS=", ".join(f"`{_captured(name)}` AS `{name}`" for name in kinds),
        PATH=path_of(captures),
        SCHEMA=", ".join(f"`{name}` {kind}" for name, kind in read.items()),
        SINCE=str(round((every + LATE).total_seconds())),
        UNTIL=str(round(LATE.total_seconds())),
    )


def to_select_profile(monitored: str) -> str:
    """Return the statement that reads how many rows each look was at."""
    return _filled(_PROFILES, TABLE=quoted(monitored + PROFILE))


def to_select_drift(monitored: str) -> str:
    """Return the statement that reads what each look found, column by column."""
    return _filled(_DRIFTS, TABLE=quoted(monitored + DRIFT))


def from_metrics(
    profiles: Iterable[Row],
    drifts: Iterable[Row],
    *,
    limits: Limits,
    checks: Sequence[Check],
    uri: str,
) -> Iterator[MonitorLook]:
    """Yield the looks that the tables tell of, oldest first."""
    found: dict[str, list[MonitorFinding]] = {}
    for row in drifts:
        found.setdefault(str(row["looked"]), []).extend(_findings(row, limits))
    for row in profiles:
        at = str(row["looked"])
        kept = [each for each in found.get(at, ()) if each.check in checks]
        yield MonitorLook(
            at=datetime.fromisoformat(at),
            phase=Phase.SUCCEEDED,
            rows=int(row["rows"] or 0),
            findings=tuple(kept),
            uri=uri,
        )


def quoted(table: str) -> str:
    """Return a full name as SQL has it."""
    return ".".join(f"`{part}`" for part in table.split("."))


def _findings(row: Row, limits: Limits) -> Iterator[MonitorFinding]:
    told = (
        (Check.DRIFT, _NUMERIC, limits.drift_of_numbers),
        (Check.DRIFT, _CATEGORICAL, limits.drift_of_words),
        (Check.QUALITY, _NULLS, limits.missing),
    )
    for check, metric, limit in told:
        value = row[metric]
        if value is not None and float(value) > limit:
            yield MonitorFinding(
                check=check,
                column=str(row["column_name"]),
                metric=metric,
                value=float(value),
                limit=limit,
            )


def _captured(name: str) -> str:
    """Return the name of an input in files of captured requests, where ours come first."""
    return f"input.{name}" if name in OURS and name != "prediction" else name


def _filled(statement: str, **words: str) -> str:
    """Return a statement with its words: names in backticks, paths without quotes."""
    for name, word in words.items():
        statement = statement.replace(f"{{{name}}}", word)
    return statement
