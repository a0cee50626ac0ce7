"""The policies that are shipped are neither too small nor too large for what the blocks do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.contracts import Endpoints, Phase, RunKey
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.bench import KEY
from blocks.providers.aws.cost import AwsPrices
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.testing.waiting import until
from deployments.aws.policy import CALLER, ROLE
from tests.unit.exercises import everything


def scale(bench: Any) -> None:
    """Serve a variant with bounds, and no longer; a look takes the endpoint further."""
    endpoints = bench.connect(Endpoints)
    request = bench.variant_request().model_copy(update={"max_replicas": 2})
    ref = endpoints.deploy(request, key=RunKey(run="run-1", step="scale"))
    until(lambda: endpoints.status(ref).phase is Phase.SUCCEEDED, within=120)
    endpoints.retire(request.endpoint, request.variant)
    until(lambda: not bench.running(), within=120)


def test_everything_is_allowed_that_is_done_and_nothing_else(bench: Any, tmp_path: Path) -> None:
    bench.emulator.pull("policy", key=KEY, actions=list(CALLER))
    bench.emulator.pull("policy", key=CONTAINERS, actions=list(ROLE))
    scale(bench)
    assert AwsPrices(account=bench.account, ask=True).price("ml.m5.large") is not None
    everything(bench, tmp_path, registers="sagemaker:CreateModelPackage")
    assert set(bench.emulator.pull("actions", key=KEY)) == set(CALLER)
    assert set(bench.emulator.pull("actions", key=CONTAINERS)) == set(ROLE)


@pytest.mark.parametrize("service", ["", "ec2-", "lambda-"])
@pytest.mark.parametrize("kind", ["caller", "role", "trust"])
def test_the_documents_are_policies_that_iam_takes(
    account: AwsAccount, service: str, kind: str
) -> None:
    asked = ["--account=123456789012", "--region=us-east-1", "--bucket=models"]
    printed = subprocess.run(
        [sys.executable, "-m", "deployments.aws", service + kind, *asked],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    iam = account.client("iam")
    if kind == "trust":
        iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=printed)
    else:
        iam.create_policy(PolicyName=kind, PolicyDocument=printed)
    assert "{" not in "".join(
        resource
        for statement in json.loads(printed)["Statement"]
        for resource in statement.get("Resource", [])
    )
