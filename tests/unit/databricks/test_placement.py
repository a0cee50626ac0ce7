"""Runs on machines of a pool, and on serverless compute."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.service.compute import (
    InstancePoolAwsAttributes,
    InstancePoolAwsAttributesAvailability,
)

from blocks.contracts import (
    InvalidRequest,
    Inventory,
    Phase,
    RunKey,
    TrainingRequest,
    Unsupported,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.bench import KEY as RELEASE
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.runs import task_of
from blocks.providers.databricks.training import DatabricksTraining
from deployments.databricks.grants import CALLER, POOLS

KEY = RunKey(run="run-1", step="train")


def made(bench: Any, *, spot: bool, **more: Any) -> str:
    """Make a pool of the bench's machines; return its id."""
    kinds = InstancePoolAwsAttributesAvailability
    attributes = InstancePoolAwsAttributes(availability=kinds.SPOT if spot else kinds.ON_DEMAND)
    pool = bench.levers_account.client().instance_pools.create(
        f"pool-{bench.account.owner}-{spot}", "m5.xlarge", aws_attributes=attributes, **more
    )
    return str(pool.instance_pool_id)


def pool_of(account: DatabricksWorkspace, id_: str) -> str | None:
    cluster = task_of(account.client().jobs.get_run(int(id_))).new_cluster
    assert cluster is not None
    found: str | None = cluster.instance_pool_id
    return found


def serverless(bench: Any) -> TrainingRequest:
    request: TrainingRequest = bench.training_request()
    return request.model_copy(update={"machine": "serverless", "image": ""})


def test_a_run_takes_its_machine_from_the_pool_that_has_such(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    emulator.pull("policy", key=RELEASE, actions=[*CALLER, *POOLS])
    dear, cheap = made(bench, spot=False), made(bench, spot=True, max_capacity=1)
    jobs = DatabricksTraining(account=account, pools=[dear, cheap])
    request = bench.training_request()
    on_spot = request.model_copy(update={"spot": True})
    bench.begin(first := jobs.submit(on_spot, key=KEY))
    assert pool_of(account, first.id) == cheap
    assert bench.seen(first)["spot"] is True
    assert bench.seen(first)["machine"] == "m5.xlarge"
    bench.settle(second := jobs.submit(on_spot, key=KEY.next()))
    failure = jobs.status(second).failure
    assert failure is not None
    assert failure.code == "INSTANCE_POOL_MAX_CAPACITY_REACHED"
    assert jobs.status(second).phase is Phase.INTERRUPTED
    bench.reclaim(first)
    assert jobs.status(first).phase is Phase.INTERRUPTED
    third = jobs.submit(request, key=KEY.next().next())
    assert pool_of(account, third.id) == dear
    jobs.cancel(third)
    assert set(POOLS) <= set(emulator.pull("actions", key=RELEASE))


def test_other_machines_are_of_no_pool_and_a_pool_must_be_there(
    bench: Any, account: DatabricksWorkspace
) -> None:
    jobs = DatabricksTraining(account=account, pools=[made(bench, spot=True)])
    ref = jobs.submit(bench.training_request(), key=KEY)
    assert pool_of(account, ref.id) is None
    jobs.cancel(ref)
    nowhere = DatabricksTraining(account=account, pools=["not-there"])
    with pytest.raises(InvalidRequest, match="not-there"):
        nowhere.submit(bench.training_request(), key=KEY.next())


def test_a_serverless_run_trains_and_is_found_by_its_marks(
    bench: Any, account: DatabricksWorkspace
) -> None:
    jobs = DatabricksTraining(account=account, dependencies=["numpy>=1"])
    bench.begin(ref := jobs.submit(serverless(bench), key=KEY))
    [owned] = [each for each in bench.connect(Inventory).owned() if each.running]
    assert [each.machine for each in owned.machines] == ["serverless"]
    bench.succeed(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.usage is not None
    assert (status.usage.machine, status.usage.spot) == ("serverless", False)


def test_what_serverless_compute_cannot_do_is_refused_before_any_call(
    bench: Any, account: DatabricksWorkspace, emulator: Workspace
) -> None:
    request, before = serverless(bench), len(emulator.calls())
    with pytest.raises(Unsupported, match="spot=False"):
        DatabricksTraining(account=account).submit(
            request.model_copy(update={"spot": True}), key=KEY
        )
    assert len(emulator.calls()) == before


def test_what_cannot_be_installed_is_told(bench: Any, account: DatabricksWorkspace) -> None:
    jobs = DatabricksTraining(account=account, dependencies=["no-such-package-of-anybody"])
    bench.settle(ref := jobs.submit(serverless(bench), key=KEY))
    failure = jobs.status(ref).failure
    assert failure is not None
    assert failure.code == "LIBRARY_INSTALLATION_ERROR"
