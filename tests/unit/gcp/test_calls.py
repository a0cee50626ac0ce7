"""The page of calls is what a release calls, and every call on it is one that Google would take."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types

from deployments.gcp.calls import PAGE, told

WRITTEN = re.compile(r"`aiplatform:(\w+)`\n\n```json\n(.*?)\n```", re.DOTALL)


def calls() -> list[tuple[str, dict[str, Any]]]:
    """Return operation and request of every call on the page."""
    found = WRITTEN.findall(PAGE.read_text())
    return [(operation, json.loads(said)) for operation, said in found]


def test_every_call_on_the_page_is_one_of_the_services_messages() -> None:
    """A field that they do not have would not be read."""
    assert len(calls()) > 15
    for operation, said in calls():
        message = getattr(types, f"{operation}Request")
        read = message.from_json(json.dumps(said).replace("............", "0123456789ab"))
        assert message.to_dict(read), operation


def test_the_page_has_every_call_that_changes_something_in_a_release() -> None:
    assert {operation for operation, _ in calls()} >= {
        "CreateCustomJob",
        "UploadModel",
        "MergeVersionAliases",
        "CreateEndpoint",
        "DeployModel",
        "UpdateEndpoint",
        "UndeployModel",
        "DeleteEndpoint",
        "DeleteModel",
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_page_is_what_a_release_calls() -> None:
    """``python -m deployments.gcp.calls`` writes it anew."""
    assert told() == PAGE.read_text()
