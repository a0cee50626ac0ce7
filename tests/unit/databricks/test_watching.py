"""Databricks' own model monitor: when it looks, what it may, and a look that fails."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    InvalidRequest,
    MonitoringSchedule,
    Phase,
    Window,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.bench import KEY as RELEASE
from blocks.providers.databricks.emulator.cron import next_due
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.endpoint_levers import QUICK
from blocks.providers.databricks.endpoints import DatabricksEndpoints
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.watching import LakehouseMonitors
from blocks.providers.databricks.watching_calls import to_cron
from blocks.testing.deploying import KEY, up
from blocks.testing.waiting import until
from deployments.databricks.grants import CALLER, WATCHING

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 26, 14, 25, 7, tzinfo=UTC)  # a Thursday


def baseline(account: DatabricksWorkspace) -> str:
    rows = [{"x": each / 40, "n": each, "prediction": float(each > 20)} for each in range(40)]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    uri = f"{account.root}/baseline.parquet"
    Volumes(account).write(uri, out.getvalue())
    return uri


def schedule(account: DatabricksWorkspace, every: timedelta = HOUR) -> MonitoringSchedule:
    return MonitoringSchedule(
        endpoint="bench",
        baseline_uri=baseline(account),
        output_uri=f"{account.root}/monitor",
        every=every,
    )


@pytest.mark.parametrize(
    ("every", "expression"),
    [
        (HOUR, "7 25 * * * ?"),
        (6 * HOUR, "7 25 2/6 * * ?"),
        (24 * HOUR, "7 25 14 * * ?"),
        (7 * 24 * HOUR, "7 25 14 ? * THU"),
    ],
)
def test_the_first_look_is_due_after_one_whole_time(every: timedelta, expression: str) -> None:
    assert to_cron(every, NOW).quartz_cron_expression == expression
    due = NOW.timestamp()
    for number in range(1, 4):
        due = next_due(expression, due)
        assert due == (NOW + number * every).timestamp()


@pytest.mark.parametrize("every", [5 * HOUR, 48 * HOUR, 1.5 * HOUR])
def test_what_a_cron_cannot_say_is_refused(every: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="cron"):
        to_cron(every, NOW)


def test_requests_that_only_a_table_keeps_are_not_watched(
    bench: Any, account: DatabricksWorkspace
) -> None:
    endpoints = DatabricksEndpoints(account=account, captures="table", **QUICK)
    endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    with pytest.raises(InvalidRequest, match="captures='files'"):
        LakehouseMonitors(account=account).ensure(schedule(account))


def test_a_look_takes_no_more_than_is_granted_and_one_that_fails_is_told(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    emulator.pull("policy", key=RELEASE, actions=[*CALLER, *WATCHING])
    endpoints, monitors = (
        DatabricksEndpoints(account=account, **QUICK),
        LakehouseMonitors(account=account),
    )
    up(bench, endpoints, "blue")
    monitors.ensure(schedule(account))
    before = datetime.fromtimestamp(emulator.pull("now"), UTC)
    emulator.advance(3600)
    window = Window(start=before, end=before + 3 * HOUR)
    [quiet] = monitors.looks("bench", window)
    assert (quiet.phase, quiet.rows, quiet.findings) == (Phase.SUCCEEDED, 0, ())
    account.client().statement_execution.execute_statement(
        f"DROP TABLE {_baseline_of(emulator)}", account.warehouse
    )
    emulator.advance(3600)
    until(lambda: len(monitors.looks("bench", window)) == 2)
    failed = monitors.looks("bench", window)[-1]
    assert failed.phase is Phase.FAILED
    assert failed.failure is not None
    assert "TABLE_OR_VIEW_NOT_FOUND" in failed.failure.message
    monitors.stop("bench")
    assert set(WATCHING) <= set(emulator.pull("actions", key=RELEASE))


def _baseline_of(emulator: Workspace) -> str:
    view: str = emulator.pull("monitors-made")[-1]
    return ".".join(f"`{part}`" for part in view.replace("_requests", "_baseline").split("."))
