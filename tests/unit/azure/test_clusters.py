"""Compute clusters that are made because a job needs one."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import (
    Denied,
    InvalidRequest,
    Inventory,
    NotFound,
    OperationRef,
    Phase,
    QuotaExceeded,
    RunKey,
    TrainingJobs,
    TrainingRequest,
    Unavailable,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator.launch import Subscription
from blocks.providers.azure.training import AzureTraining
from blocks.testing.scripts import COUNTS_ITS_STARTS
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")
CREATE = "ml:Compute.CreateOrUpdate"


@pytest.fixture
def jobs(account: AzureAccount) -> TrainingJobs:
    return AzureTraining(account=account, cluster="cpus", spot_cluster="cpus-low", cluster_nodes=3)


def submitted(jobs: TrainingJobs, request: TrainingRequest) -> OperationRef:
    """Ask until the cluster is there."""
    found: list[OperationRef] = []

    def is_there() -> bool:
        try:
            found.append(jobs.submit(request, key=KEY))
        except Unavailable as error:
            assert (error.code, error.retry_after is not None) == ("ResourceNotReady", True)
        return bool(found)

    until(is_there)
    return found[0]


def test_a_cluster_that_is_missing_is_made_once_and_the_job_runs_on_it(
    bench: Any, jobs: TrainingJobs, emulator: Subscription, account: AzureAccount
) -> None:
    """It has no machine until a job comes, and keeps none after."""
    request = bench.training_request(script=COUNTS_ITS_STARTS).model_copy(update={"spot": True})
    ref = submitted(jobs, request)
    [call] = emulator.calls(CREATE)
    made = call["request"]["properties"]["properties"]
    assert made["vmPriority"] == "LowPriority"
    assert made["scaleSettings"]["minNodeCount"] == 0
    assert made["scaleSettings"]["maxNodeCount"] == 3
    assert call["request"]["tags"]["bluewater-owner"] == account.owner
    until(lambda: "start 1" in [line.text for line in jobs.logs(ref)])
    emulator.pull("reclaim", job=ref.id)
    until(lambda: jobs.status(ref).phase.done)
    status = jobs.status(ref)
    assert (status.phase, status.interruptions) == (Phase.SUCCEEDED, 1)
    assert submitted(jobs, request) == ref
    assert len(emulator.calls(CREATE)) == 1


def test_a_cluster_is_in_its_owners_inventory_and_goes_with_it(
    bench: Any, jobs: TrainingJobs, account: AzureAccount
) -> None:
    submitted(jobs, bench.training_request(script="print('done')"))
    inventory = bench.connect(Inventory)
    [mine] = [each for each in inventory.owned() if each.kind == "compute-cluster"]
    assert (mine.id, mine.running) == ("cpus", False)
    stranger = account.model_copy(update={"owner": "somebody-else"})
    theirs = type(inventory)(account=stranger)
    assert not [each for each in theirs.owned() if each.kind == "compute-cluster"]
    with pytest.raises(Denied):
        theirs.remove(mine)
    inventory.remove(mine)
    until(lambda: not [each for each in inventory.owned() if each.kind == "compute-cluster"])
    inventory.remove(mine)


def test_a_cluster_of_other_machines_is_not_used(bench: Any, jobs: TrainingJobs) -> None:
    request = bench.training_request(script="print('done')")
    submitted(jobs, request)
    other = request.model_copy(update={"machine": "Standard_NC6s_v3"})
    with pytest.raises(InvalidRequest) as caught:
        jobs.submit(other, key=KEY.next())
    assert caught.value.code == "CLUSTER"
    assert bench.created("training") == 1


def test_a_cluster_for_which_there_is_no_quota_is_told(
    bench: Any, jobs: TrainingJobs, emulator: Subscription
) -> None:
    emulator.fault("cluster-in-vain")
    with pytest.raises(QuotaExceeded) as caught:
        submitted(jobs, bench.training_request())
    assert caught.value.code == "ClusterMinNodesExceedCoreQuota"
    assert bench.created("training") == 0


def test_without_leave_no_cluster_is_made(bench: Any, account: AzureAccount) -> None:
    jobs = AzureTraining(account=account, cluster="cpus")
    with pytest.raises(NotFound, match="cpus"):
        jobs.submit(bench.training_request(), key=KEY)
    assert bench.created("training") == 0
