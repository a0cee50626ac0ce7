"""Tests of what AWS's SDK does; they are collected where ``bluewater[sagemaker]`` is installed.

It wants older versions of what the others want, so ``tests/packaging`` runs these in an
environment of their own.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from blocks.providers.aws.bench import KEY
from blocks.providers.aws.emulator.launch import CONTAINERS
from deployments.aws import policy, sdk_policy

collect_ignore_glob = [] if find_spec("sagemaker") else ["test_*.py"]


@pytest.fixture(autouse=True)
def allowed(bench: Any) -> None:
    """Allow what the shipped policies allow, and nothing else."""
    callers, jobs = ({**policy.CALLER, **sdk_policy.CALLER}, {**policy.ROLE, **sdk_policy.JOB})
    for key, actions in ((KEY, callers), (CONTAINERS, jobs)):
        bench.emulator.pull("policy", key=key, actions=list(actions))
