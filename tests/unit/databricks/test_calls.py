"""The page of calls is what a release calls, and every call on it is one that the SDK would make.

MLflow's routes are held against MLflow's own messages elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from blocks.providers.databricks.emulator.mlflow_unity import FIELDS
from blocks.providers.databricks.emulator.schema import check_request, method
from deployments.databricks.calls import PAGE, told

WRITTEN = re.compile(r"`([\w-]+):([\w.-]+)` `([^`]*)`\n\n```json\n(.*?)\n```", re.DOTALL)
METHODS = {
    "jobs:submit": "JobsAPI.submit",
    "serving:create": "ServingEndpointsAPI.create",
    "serving:update_config": "ServingEndpointsAPI.update_config",
    "serving:delete": "ServingEndpointsAPI.delete",
    "catalog:create_model": "RegisteredModelsAPI.create",
    "catalog:set_alias": "RegisteredModelsAPI.set_alias",
    "catalog:delete_model": "RegisteredModelsAPI.delete",
    "catalog:delete_version": "ModelVersionsAPI.delete",
}


def calls() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return service, operation, path and body of every call on the page."""
    found = WRITTEN.findall(PAGE.read_text())
    return [
        (service, operation, path, json.loads(said)) for service, operation, path, said in found
    ]


def test_every_call_on_the_page_is_one_of_the_sdks() -> None:
    assert len(calls()) > 15
    for service, operation, path, said in calls():
        if service == "mlflow-uc":
            fields = FIELDS[path.partition("unity-catalog/")[2]]
            assert set(said) <= {each.removeprefix("!") for each in fields}, path
            continue
        asked = method(f"{service}:{METHODS[f'{service}:{operation}']}")
        words = _words(asked.pattern, path)
        assert words is not None, path
        check_request(asked, words, {}, said or None)


def test_the_page_has_every_call_that_changes_something_in_a_release() -> None:
    assert {f"{service}:{operation}" for service, operation, *_ in calls()} == {
        *METHODS,
        "mlflow-uc:model-versions.create",
        "mlflow-uc:model-versions.finalize",
    }


def test_an_entity_goes_only_when_it_has_no_traffic() -> None:
    served: set[str] = set()
    shares: dict[str, int] = {}
    gone = []
    for _, operation, path, said in calls():
        if operation != "update_config":
            continue
        names = {each["name"] for each in said["served_entities"]}
        for name in served - names:
            gone.append(name)
            assert not shares.get(name), path
        served = names
        routes = said["traffic_config"]["routes"]
        shares = {each["served_model_name"]: each["traffic_percentage"] for each in routes}
    assert gone == ["blue"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_page_is_what_a_release_calls() -> None:
    """``python -m deployments.databricks.calls`` writes it anew."""
    assert told() == PAGE.read_text()


def _words(pattern: re.Pattern[str], path: str) -> dict[str, str] | None:
    """Return the words of a path; the page leaves out which version of the API it is in."""
    for version in ("2.0", "2.1", "2.2"):
        if found := pattern.fullmatch(f"/api/{version}/{path}"):
            return found.groupdict()
    return None
