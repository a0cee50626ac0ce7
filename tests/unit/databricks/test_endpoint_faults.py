"""What only Databricks does to endpoints: one update at a time, of all that is served."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.errors import ResourceConflict
from databricks.sdk.service.serving import Route, TrafficConfig

from blocks.contracts import Conflict, Endpoints, Phase
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.endpoint_calls import again as kept
from blocks.providers.databricks.endpoint_calls import entities
from blocks.testing.deploying import KEY, ROW, give, up
from blocks.testing.waiting import until

UPDATE = "serving:update_config"


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


def test_replies_that_are_lost_leave_one_endpoint_and_one_copy_of_the_model(
    bench: Any, endpoints: Endpoints, emulator: Workspace, account: DatabricksWorkspace
) -> None:
    bench.variant_request(variant="blue")  # its model is in the volume before the network is bad
    for call in ("mlflow-uc:model-versions.create", "serving:create"):
        emulator.fault("lost-reply", call=call)
    assert endpoints.status(up(bench, endpoints, "blue")).phase is Phase.SUCCEEDED
    assert len(left(account)) == 2


def test_an_update_that_is_stuck_is_waited_for_and_no_other_is_asked(
    bench: Any, endpoints: Endpoints, emulator: Workspace, account: DatabricksWorkspace
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
    name = account.named("bench")
    with pytest.raises(ResourceConflict, match="one update at a time"):
        account.client().serving_endpoints.update_config(name=name, served_entities=[])
    emulator.advance(3600)
    for ref in (blue, green):
        bench.settle(ref)
        assert endpoints.status(ref).phase is Phase.SUCCEEDED
    [refused, *taken] = [each["status"] for each in emulator.calls(UPDATE)]
    assert (refused, set(taken)) == (409, {200})  # the one that was refused is not ours


def test_an_update_that_somebody_else_began_is_waited_out(
    bench: Any, endpoints: Endpoints, emulator: Workspace
) -> None:
    up(bench, endpoints, "blue")
    give(endpoints, blue=100)
    emulator.fault("conflict", call=UPDATE, times=2)
    up(bench, endpoints, "green", "constant")
    assert dict(give(endpoints, green=100).percent) == {"green": 100}


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
