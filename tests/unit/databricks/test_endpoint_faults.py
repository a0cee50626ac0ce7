"""Endpoints of Databricks, when the workspace or a process fails in the middle."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from databricks.sdk.service.serving import Route, TrafficConfig

from blocks.contracts import (
    Conflict,
    Denied,
    Endpoints,
    Phase,
    ProviderError,
    QuotaExceeded,
    Throttled,
    Traffic,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.endpoint_calls import again as kept
from blocks.providers.databricks.endpoint_calls import entities
from blocks.testing.crowd import stranger
from blocks.testing.deploying import KEY, again, give, up
from blocks.testing.waiting import until

ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
CREATE, UPDATE, RECORD = (
    "serving:create",
    "serving:update_config",
    "mlflow-uc:model-versions.create",
)


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def left(account: DatabricksWorkspace) -> list[str]:
    """Return every endpoint of ours, and every model that is made to be served."""
    client, mine = account.client(), account.named("")
    served = client.registered_models.list(
        catalog_name=account.catalog, schema_name=account.schema_name
    )
    names = [each.name or "" for each in client.serving_endpoints.list()]
    return [name for name in names if name.startswith(mine)] + [each.name or "" for each in served]


def test_replies_that_are_lost_make_nothing_twice(
    bench: Any, endpoints: Endpoints, emulator: Workspace, account: DatabricksWorkspace
) -> None:
    bench.variant_request(variant="blue")  # its model is in the volume before the network is bad
    for call in (RECORD, CREATE):
        emulator.fault("lost-reply", call=call)
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert len(left(account)) == 2
    assert bench.created("endpoints") == 1
    since = give(endpoints, blue=100)
    up(bench, endpoints, "green", "constant")
    emulator.fault("lost-reply", call=UPDATE)
    wanted = Traffic(percent={"blue": 60, "green": 40})
    split = again(lambda: endpoints.shift("bench", wanted, since=since))
    assert dict(split.percent) == {"blue": 60, "green": 40}


@pytest.mark.parametrize(("fault", "error"), [("quota", QuotaExceeded), ("access-denied", Denied)])
def test_a_clear_no_is_told_and_leaves_nothing_wanted(
    bench: Any,
    endpoints: Endpoints,
    emulator: Workspace,
    fault: str,
    error: type[ProviderError],
) -> None:
    emulator.fault(fault, call=CREATE)
    request = bench.variant_request(variant="blue")
    with pytest.raises(error):
        endpoints.deploy(request, key=KEY)
    assert list(endpoints.variants("bench")) == []
    assert bench.running() == []


def test_a_call_too_many_is_made_again_by_the_next_look(
    bench: Any, endpoints: Endpoints, emulator: Workspace
) -> None:
    emulator.fault("throttling", call=CREATE)
    request = bench.variant_request(variant="blue")
    with pytest.raises(Throttled):
        endpoints.deploy(request, key=KEY)
    ref = endpoints.deploy(request, key=KEY)
    bench.settle(ref)
    assert endpoints.status(ref).phase is Phase.SUCCEEDED


def test_an_update_that_is_stuck_is_waited_for_and_no_other_is_asked(
    bench: Any, endpoints: Endpoints, emulator: Workspace
) -> None:
    """Databricks takes one update of an endpoint at a time, and as a whole."""
    emulator.fault("stuck-updating")
    blue = endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    assert endpoints.status(blue).phase is Phase.RUNNING
    with pytest.raises(Conflict, match="blue"):
        give(endpoints, blue=100)
    green = endpoints.deploy(bench.variant_request(kind="constant", variant="green"), key=KEY)
    assert endpoints.status(green).phase is Phase.QUEUED
    assert emulator.calls(UPDATE) == []
    emulator.advance(3600)
    for ref in (blue, green):
        bench.settle(ref)
        assert endpoints.status(ref).phase is Phase.SUCCEEDED
    assert {each["status"] for each in emulator.calls(UPDATE)} == {200}


def test_an_update_that_somebody_else_began_is_waited_out(
    bench: Any, endpoints: Endpoints, emulator: Workspace
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    emulator.fault("conflict", call=UPDATE, times=2)
    up(bench, endpoints, "green", "constant")
    assert dict(give(endpoints, green=100).percent) == {"green": 100}


@pytest.mark.parametrize(
    ("fault", "word"), [("failed-health-check", "health"), ("stock-out", "capacity")]
)
def test_what_could_not_be_served_makes_room_for_the_next(
    bench: Any, endpoints: Endpoints, emulator: Workspace, fault: str, word: str
) -> None:
    emulator.fault(fault)
    failed = endpoints.status(up(bench, endpoints, "blue"))
    assert failed.phase is Phase.FAILED
    assert failed.failure is not None
    assert word in failed.failure.message
    assert endpoints.status(up(bench, endpoints, "green")).phase is Phase.SUCCEEDED
    endpoints.retire("bench", "blue")
    assert [each.name for each in endpoints.variants("bench")] == ["green"]
    assert endpoints.predict("bench", ROW, variant="green").status == 200


def test_what_is_put_together_with_one_that_fails_comes_up_all_the_same(
    bench: Any, endpoints: Endpoints, emulator: Workspace
) -> None:
    emulator.fault("stuck-updating")
    endpoints.deploy(bench.variant_request(variant="blue"), key=KEY)
    bad = endpoints.deploy(bench.variant_request(kind="unloadable", variant="bad"), key=KEY)
    green = endpoints.deploy(bench.variant_request(kind="constant", variant="green"), key=KEY)
    emulator.advance(3600)
    for ref, phase in ((bad, Phase.FAILED), (green, Phase.SUCCEEDED)):
        bench.settle(ref)
        assert endpoints.status(ref).phase is phase
    assert endpoints.predict("bench", ROW, variant="green").status == 200


def test_traffic_that_somebody_moved_in_the_console_is_not_overwritten(
    bench: Any, endpoints: Endpoints, account: DatabricksWorkspace
) -> None:
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    since = give(endpoints, blue=100)
    client, name = account.client().serving_endpoints, account.named("bench")
    client.update_config(
        name=name,
        served_entities=[kept(each) for each in entities(client.get(name))],
        traffic_config=TrafficConfig(
            routes=[Route(served_model_name="green", traffic_percentage=100)]
        ),
    )
    until(lambda: dict(endpoints.traffic("bench").percent) == {"green": 100})
    assert [each.name for each in endpoints.variants("bench")] == ["blue", "green"]
    with pytest.raises(Conflict, match="moved meanwhile"):
        endpoints.shift("bench", Traffic(percent={"blue": 50, "green": 50}), since=since)
    assert dict(endpoints.traffic("bench").percent) == {"green": 100}


def test_what_others_serve_on_the_endpoint_stays_there(
    bench: Any, endpoints: Endpoints, account: DatabricksWorkspace
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    client, name = account.client().serving_endpoints, account.named("bench")
    [blue] = [kept(each) for each in entities(client.get(name))]
    theirs = kept(entities(client.get(name))[0])
    theirs.name = "theirs"
    routes = [Route(served_model_name="blue", traffic_percentage=100)]
    client.update_config(
        name=name, served_entities=[blue, theirs], traffic_config=TrafficConfig(routes=routes)
    )
    until(lambda: len(entities(client.get(name))) == 2)
    up(bench, endpoints, "green", "constant")
    assert {each.name for each in entities(client.get(name))} == {"blue", "theirs", "green"}


def test_an_endpoint_sleeps_when_nobody_asks_and_wakes_for_who_does(
    bench: Any, endpoints: Endpoints, emulator: Workspace
) -> None:
    request = bench.variant_request(variant="blue").model_copy(update={"min_replicas": 0})
    bench.settle(ref := endpoints.deploy(request, key=KEY))
    give(endpoints, blue=100)
    assert bench.seen(ref)["min_replicas"] == 0
    emulator.advance(3600)
    until(lambda: bench.running() == [])
    assert endpoints.status(ref).phase is Phase.SUCCEEDED
    assert endpoints.predict("bench", ROW).status == 200


def test_whoever_dies_while_it_deploys_the_next_one_goes_on(
    bench: Any, endpoints: Endpoints, account: DatabricksWorkspace
) -> None:
    moments, request = random.Random(3), bench.variant_request(variant="blue")
    for _ in range(4):
        dying = stranger(endpoints, "deploy", request, key=KEY)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.4))
        dying.kill()
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert bench.created("endpoints") == 1
    assert len(left(account)) == 2


def test_whoever_dies_while_it_moves_traffic_leaves_it_at_what_was_asked_for(
    bench: Any, endpoints: Endpoints
) -> None:
    """A move that was written down comes into force by whoever looks next."""
    up(bench, endpoints, "blue")
    up(bench, endpoints, "green", "constant")
    give(endpoints, blue=100)
    moments, asked = random.Random(5), [{"blue": 100}]
    for number in range(6):
        share, since = 10 + number, endpoints.traffic("bench")
        asked.append({"blue": 100 - share, "green": share})
        dying = stranger(endpoints, "shift", "bench", Traffic(percent=asked[-1]), since=since)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.3))
        dying.kill()
        assert dict(endpoints.traffic("bench").percent) in asked

    def moved() -> bool:
        try:
            give(endpoints, green=100)
        except Conflict:  # what the last of the dead wrote came in between
            return False
        return True

    until(moved)
    assert dict(endpoints.traffic("bench").percent) == {"green": 100}


def test_nothing_is_left_of_an_endpoint_that_is_taken_down(
    bench: Any, endpoints: Any, account: DatabricksWorkspace
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    for _ in range(2):
        endpoints.take_down("bench")
    assert left(account) == []
    until(lambda: bench.running() == [])
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
