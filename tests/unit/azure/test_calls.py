"""The page of calls is what a release calls, and every call on it is one that Azure would take."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from blocks.providers.azure.emulator import schema
from blocks.providers.azure.emulator.batch_rules import check_invocation
from deployments.azure.calls import PAGE, told

WRITTEN = re.compile(r"`ml:([\w.]+)` `([^`]*)`\n\n```json\n(.*?)\n```", re.DOTALL)
MODELS = {
    "Jobs.CreateOrUpdate": "JobBase",
    "Models.CreateOrUpdate": "ModelVersion",
    "Environments.CreateOrUpdate": "EnvironmentVersion",
    "OnlineEndpoints.CreateOrUpdate": "OnlineEndpoint",
    "OnlineDeployments.CreateOrUpdate": "OnlineDeployment",
    "BatchEndpoints.CreateOrUpdate": "BatchEndpoint",
    "BatchDeployments.CreateOrUpdate": "BatchDeployment",
    "Codes.CreateOrUpdate": "CodeVersion",
    "Compute.CreateOrUpdate": "ComputeResource",
    "RegistryModels.CreateOrUpdate": "ModelVersion",
}
INVOKES = "BatchEndpoints.Invoke"  # of which the SDK has no model
ASKS = "TemporaryDataReferences.CreateOrUpdate"  # and of this


def calls() -> list[tuple[str, str, dict[str, Any]]]:
    """Return operation, path and body of every call on the page."""
    found = WRITTEN.findall(PAGE.read_text())
    return [(operation, path, json.loads(said)) for operation, path, said in found]


def test_every_body_on_the_page_is_one_of_the_sdks_own_models() -> None:
    assert len(calls()) > 15
    for operation, _, said in calls():
        if operation == INVOKES:
            check_invocation(said)
        elif operation == ASKS:
            assert sorted(said) == ["assetId", "temporaryDataReferenceType"]
        elif said:
            schema.check_request(MODELS[operation], said)


def test_the_page_has_every_call_that_changes_something_in_a_release() -> None:
    assert {operation for operation, *_ in calls()} >= {
        *MODELS,
        INVOKES,
        ASKS,
        "OnlineDeployments.Delete",
        "OnlineEndpoints.Delete",
    }


def test_a_deployment_goes_only_when_it_has_no_traffic() -> None:
    traffic: dict[str, int] = {}
    gone = []
    for operation, path, said in calls():
        if operation == "OnlineEndpoints.CreateOrUpdate":
            traffic = said["properties"].get("traffic") or {}
        elif operation == "OnlineDeployments.Delete":
            gone.append(path.rpartition("/")[2])
            assert not traffic.get(gone[-1]), path
    assert gone


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_page_is_what_a_release_calls() -> None:
    """``python -m deployments.azure.calls`` writes it anew."""
    assert told() == PAGE.read_text()
