"""Vertex AI's model monitoring: what it is asked, what it reads, and what it measures."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import (
    Capture,
    Check,
    Endpoints,
    InvalidRequest,
    MonitoringSchedule,
    MonitoringSchedules,
    ObjectStore,
    Phase,
    RunKey,
)
from blocks.providers.gcp.captured_rows import as_rows
from blocks.providers.gcp.emulator.drift import JENSEN_SHANNON, L_INFINITY, distance
from blocks.providers.gcp.emulator.refusals import GcpError
from blocks.providers.gcp.emulator.schedules import following
from blocks.providers.gcp.watching_calls import to_cron, to_schema

HOUR = timedelta(hours=1)
KEY = RunKey(run="run-1", step="deploy")


@pytest.mark.parametrize(
    ("hours", "cron"), [(1, "0 */1 * * *"), (6, "0 */6 * * *"), (24, "0 0 * * *")]
)
def test_looks_are_as_far_apart_as_was_asked(hours: int, cron: str) -> None:
    assert to_cron(hours * HOUR) == cron
    first = following(cron, datetime(2026, 2, 27, 23, 59, 30, tzinfo=UTC).timestamp())
    for each in range(1, 60):
        later = following(cron, first + (each - 1) * hours * 3600)
        assert later == first + each * hours * 3600


@pytest.mark.parametrize("every", [5 * HOUR, 1.5 * HOUR, 48 * HOUR])
def test_what_no_cron_line_says_evenly_is_refused(every: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="every"):
        to_cron(every)


@pytest.mark.parametrize("cron", ["", "* * * *", "x * * * *", "0 0 31 2 *"])
def test_the_emulator_takes_no_line_that_names_no_moment(cron: str) -> None:
    with pytest.raises(GcpError):
        following(cron, 0.0)


def test_distances_are_nothing_between_equals_and_one_between_strangers() -> None:
    numbers = [each / 10 for each in range(10)]
    for metric, kind, here, there, far in (
        (JENSEN_SHANNON, "float", numbers, numbers, 0.0),
        (JENSEN_SHANNON, "float", numbers, [each + 5 for each in numbers], 1.0),
        (L_INFINITY, "categorical", ["a"], ["a", "b"], 0.5),
        (L_INFINITY, "categorical", ["a", None, ""], ["a"], 0.0),
        (JENSEN_SHANNON, "integer", [1], [None], 1.0),
    ):
        assert distance(metric, here, there, kind=kind) == pytest.approx(far)


def test_columns_are_told_by_their_types() -> None:
    schema = pa.schema([("x", "float64"), ("n", "int64"), ("s", "string"), ("prediction", "float")])
    told = to_schema(schema)
    assert [each["data_type"] for each in told["feature_fields"]] == [
        "float",
        "integer",
        "categorical",
    ]
    assert [each["name"] for each in told["prediction_fields"]] == ["prediction"]


def test_rows_are_those_that_were_answered_and_seen_by_somebody() -> None:
    row = {
        "at": datetime(2026, 5, 1, tzinfo=UTC),
        "request_id": "r",
        "row": 0,
        "variant": "blue",
        "mirrored": False,
        "status": 200,
        "seconds": 0.1,
        "user": "u",
        "prediction": 1.0,
        "x": 0.5,
        "note": None,
    }
    out = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist([row, {**row, "status": 500}, {**row, "mirrored": True}]), out
    )
    [line] = as_rows(out.getvalue()).splitlines()
    assert json.loads(line) == {
        "at": "2026-05-01T00:00:00+00:00",
        "prediction": 1.0,
        "x": 0.5,
        "note": None,
    }


def test_a_look_at_nothing_has_failed_and_what_captures_nothing_is_not_watched(bench: Any) -> None:
    endpoints, monitors = bench.connect(Endpoints), bench.connect(MonitoringSchedules)
    store, request = bench.connect(ObjectStore), bench.variant_request()
    out = io.BytesIO()
    pq.write_table(pa.table({"x": [0.5]}), out)
    kept = store.write(f"{store.root}/baseline.parquet", out.getvalue())
    schedule = MonitoringSchedule(
        endpoint=request.endpoint,
        baseline_uri=kept.uri,
        output_uri=f"{store.root}/monitor",
        every=HOUR,
        checks=(Check.DRIFT,),
    )
    for sample in (0.0, 1.0):
        changed = {"capture": Capture(sample=sample), "variant": f"v{int(sample)}"}
        endpoints.deploy(request.model_copy(update=changed), key=KEY)
        if not sample:
            with pytest.raises(InvalidRequest) as caught:
                monitors.ensure(schedule)
            assert caught.value.code == "CAPTURE"
    with pytest.raises(InvalidRequest, match="baseline_uri"):
        monitors.ensure(schedule.model_copy(update={"baseline_uri": f"{kept.uri}-not-there"}))
    monitors.ensure(schedule)
    bench.look(request.endpoint)
    [look] = monitors.looks(request.endpoint, bench.looking(request.endpoint))
    assert look.phase is Phase.FAILED
    assert look.failure is not None
    assert look.failure.code == "NOT_FOUND"
