"""Ends of runs that Databricks has, and other clouds do not."""

from __future__ import annotations

from typing import Any

from blocks.contracts import Phase, RunKey, TrainingJobs
from blocks.providers.databricks.emulator.launch import Workspace

KEY = RunKey(run="run-1", step="train")


def test_a_cluster_beyond_the_clouds_quota_ends_the_run_for_good(
    bench: Any, jobs: TrainingJobs, emulator: Workspace
) -> None:
    """Another attempt would end alike, until somebody asks the cloud for more."""
    emulator.fault("cluster-quota")
    bench.settle(ref := jobs.submit(bench.training_request(), key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert status.failure.code == "AWS_RESOURCE_QUOTA_EXCEEDED"
    assert status.interruptions == 0
