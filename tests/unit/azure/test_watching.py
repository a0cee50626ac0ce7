"""Azure's own model monitors, where they are not like those of other clouds."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.core.exceptions import HttpResponseError

from blocks.contracts import (
    Endpoints,
    InvalidRequest,
    MonitoringSchedule,
    ObjectStore,
    Phase,
    Traffic,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.emulator.monitor_metrics import DRIFT, QUALITY, kind_of
from blocks.providers.azure.endpoint_levers import QUICK
from blocks.providers.azure.endpoints import AzureEndpoints
from blocks.providers.azure.watching import AzureWatching
from blocks.testing.deploying import KEY, up
from blocks.testing.waiting import until
from tests.conformance.served import World

DAY = timedelta(days=1)


def scheduled(bench: Any, endpoint: str, **changes: Any) -> MonitoringSchedule:
    """Return a schedule against a baseline that is there."""
    store, out = bench.connect(ObjectStore), io.BytesIO()
    rows = [{"x": each / 40, "n": each, "note": "as ever"} for each in range(40)]
    pq.write_table(pa.Table.from_pylist(rows), out)
    kept = store.write(f"{store.root}/baseline.parquet", out.getvalue())
    asked = {"endpoint": endpoint, "baseline_uri": kept.uri, "every": DAY, **changes}
    return MonitoringSchedule(output_uri=f"{store.root}/monitor", **asked)


def test_what_is_amiss_is_told_by_mail_and_a_day_without_requests_is_a_look_that_failed(
    bench: Any, account: AzureAccount, emulator: Subscription
) -> None:
    world = World(bench)
    world.serve("threshold", "blue")
    world.give(Traffic(percent={"blue": 100}))
    monitors = AzureWatching(account=account, emails=("ops@example.com",))
    monitors.ensure(scheduled(bench, world.name))
    bench.look(world.name)
    [look] = monitors.looks(world.name, bench.looking(world.name))
    assert look.phase is Phase.FAILED
    assert look.failure is not None
    assert emulator.pull("mails") == []
    monitors.ensure(scheduled(bench, world.name, every=2 * DAY))  # whose look has what comes now
    assert {world.status({"x": each + 9.0, "n": each, "note": "as ever"}) for each in range(8)} == {
        200
    }
    bench.look(world.name)
    [look] = monitors.looks(world.name, bench.looking(world.name))
    assert "x" in {each.column for each in look.findings}
    assert {each["to"] for each in emulator.pull("mails")} == {"ops@example.com"}


def test_an_endpoint_that_collects_nothing_is_not_watched(
    bench: Any, account: AzureAccount
) -> None:
    endpoints = AzureEndpoints(account=account, **{**QUICK, "collect": False})
    ref = endpoints.deploy(bench.variant_request(), key=KEY)
    # looked at by this block alone: whoever looks first says what is deployed
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED)
    with pytest.raises(InvalidRequest, match="collect=True"):
        AzureWatching(account=account).ensure(scheduled(bench, "bench"))
    assert bench.created("watching") == 0


def test_azure_refuses_a_monitor_that_it_cannot_run(bench: Any, account: AzureAccount) -> None:
    up(bench, bench.connect(Endpoints), "blue")
    with pytest.raises(InvalidRequest, match="no machine of monitors"):
        AzureWatching(account=account, machine="Standard_D2s_v3").ensure(scheduled(bench, "bench"))
    asked = scheduled(bench, "bench")
    AzureWatching(account=account).ensure(asked)
    there = account.ml().schedules.get(next(AzureWatching(account=account).owned()).id)
    there.create_monitor.monitoring_signals["drift"].reference_data.input_data.type = "uri_file"
    with pytest.raises(HttpResponseError, match="MLTable"):
        account.ml().schedules.begin_create_or_update(there)


@pytest.mark.parametrize("metric", sorted(DRIFT["Numerical"]))
def test_a_distance_is_none_to_itself_and_grows_with_what_moved(metric: str) -> None:
    distance, rows = DRIFT["Numerical"][metric], [each / 40 for each in range(40)]
    near, far = [each + 0.2 for each in rows], [each + 0.6 for each in rows]
    assert distance(rows, rows) == pytest.approx(0.0, abs=1e-9)
    assert 0 < distance(rows, near) < distance(rows, far)


def test_the_distance_of_numbers_is_in_deviations_and_that_of_words_at_most_one() -> None:
    wasserstein = DRIFT["Numerical"]["NormalizedWassersteinDistance"]
    assert wasserstein([-1.0, 1.0], [0.0, 2.0]) == pytest.approx(1.0)  # moved by one deviation
    jensen = DRIFT["Categorical"]["JensenShannonDistance"]
    assert jensen(["a", "b"], ["b", "a"]) == pytest.approx(0.0)
    assert jensen(["a", "a"], ["b", "b"]) == pytest.approx(1.0)


def test_rates_count_what_is_missing_mistyped_and_out_of_bounds() -> None:
    numbers, words = QUALITY["Numerical"], QUALITY["Categorical"]
    assert kind_of([1, 2.0, None]) == "Numerical"
    assert kind_of(["1", None]) == "Categorical"
    assert numbers["NullValueRate"]([1, 2], [1, None]) == pytest.approx(0.5)
    assert numbers["DataTypeErrorRate"]([1, 2], [1, "one", None, 2]) == pytest.approx(0.25)
    assert numbers["OutOfBoundsRate"]([1, 2], [0, 1, 2, 3]) == pytest.approx(0.5)
    assert words["OutOfBoundsRate"](["a"], ["a", "b", None, "a"]) == pytest.approx(0.25)
