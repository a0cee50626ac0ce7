"""What stands before an endpoint: limits by the minute, and a table of all requests."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from databricks.sdk.errors import BadRequest
from databricks.sdk.service.serving import (
    AiGatewayInferenceTableConfig,
    AiGatewayRateLimit,
    AiGatewayRateLimitKey,
    AiGatewayRateLimitRenewalPeriod,
    AiGatewayUsageTrackingConfig,
)

from blocks.contracts import (
    Capture,
    Denied,
    InvalidRequest,
    ObjectInfo,
    Phase,
    Serving,
    Traffic,
    VariantRequest,
    Window,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.bench import KEY as RELEASE
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.endpoint_levers import QUICK
from blocks.providers.databricks.endpoints import DatabricksEndpoints
from blocks.providers.databricks.gateway import calls_per_minute, table_of
from blocks.providers.databricks.monitor import DatabricksMonitor
from blocks.providers.databricks.volumes import Volumes
from blocks.testing.deploying import KEY
from deployments.databricks.grants import CALLER, TABLES

ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


def endpoints_of(account: DatabricksWorkspace, captures: str = "files") -> DatabricksEndpoints:
    return DatabricksEndpoints(account=account, captures=captures, **QUICK)


def deployed(
    bench: Any, endpoints: DatabricksEndpoints, variant: str, **changes: Any
) -> VariantRequest:
    request: VariantRequest = bench.variant_request(variant=variant).model_copy(update=changes)
    bench.settle(ref := endpoints.deploy(request, key=KEY))
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    return request


def gateway(account: DatabricksWorkspace) -> Any:
    return account.client().serving_endpoints.get(account.named("bench")).ai_gateway


def statuses(endpoints: DatabricksEndpoints, count: int) -> list[int]:
    return [endpoints.predict("bench", ROW).status for _ in range(count)]


def rows_in(account: DatabricksWorkspace, found: ObjectInfo) -> list[dict[str, Any]]:
    content = Volumes(account).read(found.uri)
    assert content is not None
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(content[0])).to_pylist()
    return rows


def test_each_caller_has_so_many_requests_a_minute(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    endpoints, other = endpoints_of(account), endpoints_of(bench.levers_account)
    deployed(bench, endpoints, "blue", serving=Serving(requests_per_second=0.05))
    emulator.advance(60 - emulator.pull("now") % 60)  # so that no minute ends in between
    assert statuses(endpoints, 4) == [200, 200, 200, 429]
    refused = endpoints.predict("bench", ROW)
    assert refused.body["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert statuses(other, 1) == [200]
    emulator.advance(60)
    assert statuses(endpoints, 1) == [200]


def test_the_strictest_limit_counts_until_its_variant_goes_and_others_limits_stay(
    bench: Any, account: DatabricksWorkspace
) -> None:
    endpoints, serving = endpoints_of(account), account.client().serving_endpoints
    deployed(bench, endpoints, "blue", serving=Serving(requests_per_second=1))
    endpoints.shift("bench", Traffic(percent={"blue": 100}), since=endpoints.traffic("bench"))
    theirs = AiGatewayRateLimit(
        calls=900,
        key=AiGatewayRateLimitKey.ENDPOINT,
        renewal_period=AiGatewayRateLimitRenewalPeriod.MINUTE,
    )
    serving.put_ai_gateway(
        account.named("bench"),
        rate_limits=[*gateway(account).rate_limits, theirs],
        usage_tracking_config=AiGatewayUsageTrackingConfig(enabled=True),
    )
    deployed(bench, endpoints, "green", serving=Serving(requests_per_second=0.5))
    assert {each.calls for each in gateway(account).rate_limits} == {900, 30}
    endpoints.retire("bench", "green")
    assert {each.calls for each in gateway(account).rate_limits} == {900, 60}
    assert gateway(account).usage_tracking_config.enabled


@pytest.mark.parametrize(("asked", "calls"), [(None, None), (2.0, 120), (0.1, 6), (0.99, 59)])
def test_a_limit_is_whole_requests_by_the_minute(asked: float | None, calls: int | None) -> None:
    assert calls_per_minute(asked) == calls


def test_less_than_one_request_a_minute_is_no_limit_of_databricks() -> None:
    with pytest.raises(InvalidRequest, match="by the minute"):
        calls_per_minute(0.01)


def test_requests_are_in_the_table_within_the_hour_with_their_variant_and_answer(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    emulator.pull("policy", key=RELEASE, actions=[*CALLER, *TABLES])
    endpoints = endpoints_of(account, "table")
    monitor = DatabricksMonitor(account=account, captures_from="table", settle=1)
    since = datetime.now(UTC) - timedelta(minutes=1)
    window = Window(start=since, end=since + timedelta(minutes=30))
    assert list(monitor.captures("bench", window)) == []
    deployed(bench, endpoints, "blue")
    body = {"dataframe_records": [{"x": 0.7, "n": 1}, {"x": 0.1, "n": 2}]}
    assert endpoints.predict("bench", body).status == 200
    assert endpoints.predict("bench", {"dataframe_records": "none"}).status == 400
    assert list(monitor.captures("bench", window)) == []
    emulator.advance(3600)
    [found] = monitor.captures("bench", window)
    rows = rows_in(account, found)
    assert [(each["x"], each["n"], each["prediction"]) for each in rows] == [
        (0.7, 1, 1.0),
        (0.1, 2, 0.0),
    ]
    assert {(each["variant"], each["status"], each["user"]) for each in rows} == {
        ("blue", 200, RELEASE)
    }
    assert set(TABLES) <= set(emulator.pull("actions", key=RELEASE))


def test_a_table_that_was_switched_off_is_never_written_to_again(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    endpoints, serving = endpoints_of(account, "table"), account.client().serving_endpoints
    deployed(bench, endpoints, "blue")
    first = gateway(account).inference_table_config
    assert statuses(endpoints, 1) == [200]
    emulator.advance(3600)
    name = account.named("bench")
    off = AiGatewayInferenceTableConfig(enabled=False)
    serving.put_ai_gateway(name, inference_table_config=off)
    with pytest.raises(BadRequest, match="already exists"):
        serving.put_ai_gateway(name, inference_table_config=first)
    with pytest.raises(InvalidRequest, match="switched off"):
        endpoints.deploy(bench.variant_request(variant="green"), key=KEY)
    deployed(bench, endpoints_of(account), "green")  # files will do
    assert not gateway(account).inference_table_config.enabled
    endpoints.take_down("bench")
    deployed(bench, endpoints, "blue")
    assert gateway(account).inference_table_config.enabled
    assert gateway(account).inference_table_config.table_name_prefix != first.table_name_prefix
    assert table_of(gateway(account)).endswith("_payload")


def test_a_table_keeps_all_requests_or_is_not_asked_for(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    sampled = bench.variant_request().model_copy(update={"capture": Capture(sample=0.5)})
    with pytest.raises(InvalidRequest, match="all requests"):
        endpoints_of(account, "table").deploy(sampled, key=KEY)
    assert emulator.calls("serving:create") == []


def test_who_may_make_no_table_is_told_and_nothing_is_left_wanted(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    emulator.pull("policy", key=RELEASE, actions=list(CALLER))
    endpoints = endpoints_of(account, "table")
    with pytest.raises(Denied, match="CREATE TABLE"):
        endpoints.deploy(bench.variant_request(), key=KEY)
    assert list(endpoints.variants("bench")) == []
