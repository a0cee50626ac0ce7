"""The policies for Lambda are neither too small nor too large for what the blocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from blocks.contracts import (
    Endpoints,
    Inventory,
    Monitor,
    OperationRef,
    RunKey,
    Serving,
    Traffic,
    Window,
)
from blocks.providers.aws.bench import KEY
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.testing.waiting import until
from deployments.aws.lambda_policy import CALLER, FUNCTION

RUN = RunKey(run="run-1", step="everything")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any) -> None:
    bench.keep_secret("callers", "sesame")
    bench.emulator.pull("policy", key=KEY, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(FUNCTION))
    endpoints = bench.connect(Endpoints)
    for variant in ("blue", "green"):
        request = bench.variant_request(variant=variant)
        request = request.model_copy(update={"serving": Serving(token_secret="callers")})
        ref = endpoints.deploy(request, key=RUN)
        until(partial(_is_up, endpoints, ref))
        assert endpoints.status(ref).result is not None
    for percent in ({"blue": 90, "green": 10}, {"green": 100}):
        endpoints.shift("bench", Traffic(percent=percent), since=endpoints.traffic("bench"))
        assert endpoints.predict("bench", ROW).status == 200
    endpoints.retire("bench", "blue")
    now = datetime.now(UTC)
    bench.connect(Monitor).ticks("bench", Window(start=now - timedelta(minutes=1), end=now))
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert list(inventory.owned()) == []
    assert set(bench.emulator.pull("actions", key=KEY)) == set(CALLER)
    assert set(bench.emulator.pull("actions", key=CONTAINERS)) == set(FUNCTION)


def _is_up(endpoints: Endpoints, ref: OperationRef) -> bool:
    return endpoints.status(ref).phase.done
