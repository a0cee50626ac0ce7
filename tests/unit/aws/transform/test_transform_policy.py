"""The policies for batch transform are neither too small nor too large for what the blocks do."""

from __future__ import annotations

from functools import partial
from typing import Any

from blocks.contracts import BatchInference, Inventory, OperationRef, Phase, RunKey
from blocks.providers.aws.bench import KEY
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.testing.waiting import until
from deployments.aws.transform_policy import CALLER, ROLE

RUN = RunKey(run="run-1", step="everything")


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any) -> None:
    bench.emulator.pull("policy", key=KEY, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(ROLE))
    jobs = bench.connect(BatchInference)
    bench.emulator.fault("lost-reply", call="sagemaker:CreateTransformJob")
    ref = jobs.submit(bench.batch_request(20), key=RUN)
    until(partial(_is_over, jobs, ref))  # by the block itself, and not by the levers of the bench
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    bench.emulator.fault("late-machine")
    jobs.cancel(ref := jobs.submit(bench.batch_request(20), key=RUN.next()))
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    until(partial(_is_over, jobs, ref))
    assert [each.kind for each in inventory.owned()] == ["batch-job", "batch-job"]
    assert set(bench.emulator.pull("actions", key=KEY)) == set(CALLER)
    assert set(bench.emulator.pull("actions", key=CONTAINERS)) == set(ROLE)


def _is_over(jobs: BatchInference, ref: OperationRef) -> bool:
    return jobs.status(ref).phase.done
